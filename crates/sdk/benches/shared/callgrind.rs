//! Instructions of this program as valgrind's callgrind counts them: those of all threads, which a busy machine does not
//! change.

use std::process::Command;

/// Instructions of one turn: the difference of two runs, `counts` turns long, leaves out what starting and preparing costs.
pub(crate) fn instructions(arguments: &[&str], counts: [u64; 2]) -> f64 {
    let [few, many] = counts.map(|count| of_run(arguments, count));
    (many - few) / (counts[1] - counts[0]) as f64
}

/// Instructions of a whole run of this program with these arguments and the count.
fn of_run(arguments: &[&str], count: u64) -> f64 {
    let program = std::env::current_exe().expect("this program's path");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(arguments)
        .arg(count.to_string())
        .output()
        .expect("valgrind is installed (Debian: valgrind)");
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected : "));
    let (_, instructions) = collected.unwrap_or_else(|| panic!("callgrind tells no sum: {text}"));
    instructions.trim().parse().expect("a number")
}
