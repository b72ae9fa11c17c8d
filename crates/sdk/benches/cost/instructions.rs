//! Counts instructions: runs this program again under valgrind's callgrind, for each case twice with different counts.

use crate::callgrind;
use crate::case::Case;

/// First argument of such a run; the case and how often follow.
pub(crate) const RUN: &str = "--run";
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
        let instructions = callgrind::instructions(&[RUN, &name], COUNTS);
        println!("{name}: {instructions:.0} instructions");
    }
}
