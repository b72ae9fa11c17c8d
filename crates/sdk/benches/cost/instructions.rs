//! Counts instructions: runs this program again under valgrind's callgrind, for each case twice with different counts.

use std::process::Command;

use crate::case::Case;

/// First argument of such a run; the case and how often follow.
pub(crate) const RUN: &str = "--run";
/// The difference of the two runs leaves out what starting and preparing costs.
const COUNTS: [u64; 2] = [2_000, 6_000];

/// Runs one case so often.
pub(crate) fn run(cases: &[Case], name: &str, count: &str) {
    let case = cases
        .iter()
        .find(|case| format!("{}/{}", case.group, case.name) == name);
    let mut run = (case.expect("a case of this program").prepare)();
    run(count.parse().expect("a count"));
}

#[expect(clippy::print_stdout, reason = "the result of the program")]
pub(crate) fn print(cases: &[Case]) {
    for case in cases {
        let name = format!("{}/{}", case.group, case.name);
        let [few, many] = COUNTS.map(|count| counted(&name, count));
        println!(
            "{name}: {:.0} instructions",
            (many - few) / (COUNTS[1] - COUNTS[0]) as f64
        );
    }
}

/// Instructions of a whole run.
fn counted(name: &str, count: u64) -> f64 {
    let program = std::env::current_exe().expect("this program's path");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([RUN, name, &count.to_string()])
        .output()
        .expect("valgrind is installed (Debian: valgrind)");
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected : "));
    let (_, instructions) = collected.unwrap_or_else(|| panic!("callgrind tells no sum: {text}"));
    instructions.trim().parse().expect("a number")
}
