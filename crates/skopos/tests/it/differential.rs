//! The same samples and the same queries for Skopos and for a real Prometheus, and the answers
//! compared. The test needs Debian's package `prometheus` (2.42) and fails without it.
//!
//! What differs between Prometheus 2.42 and 3 is kept out of the way by name:
//! - ranges and lookbacks that include their start (before 3.0): no boundary meets a sample or a
//!   step of a subquery, see `skopos_conformance::promql::generate`;
//! - warnings and infos, which 2.42 does not have: not compared;
//! - functions, operators and modifiers that are newer than 2.42: not generated;
//! - the order of instant vectors: compared as sets;
//! - which of equal values `topk` and `bottomk` choose: asked of values that differ;
//! - labels of `count_values` and `round`, which show the last digit of sums that 2.42 does not
//!   compensate: asked of stored values;
//! - the estimate of where a counter was zero before a gap, and `predict_linear` of a range with `@`:
//!   asked of series without gaps and without `@`;
//! - whether pairs that a comparison drops may clash: vectors are compared with `bool`;
//! - the name that the result of `atan2` kept: not generated.

pub(crate) mod answer;
pub(crate) mod prometheus;

use skopos_conformance::promql::generate::{Dialect, GRID_SECONDS, Generator, PHASE_SECONDS};
use skopos_conformance::promql::sample_data;

use crate::program::Program;
use answer::Asked;
use prometheus::Prometheus;

const SEED: u64 = 20_261_126;
const QUERIES: usize = 400;
/// Fewest answers with series; less means that the samples or the generator miss each other.
const LEAST_WITH_SERIES: usize = 200;
/// The newest samples lie before this, a multiple of the grid.
const END_SECONDS: i64 = 1_700_000_010;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_are_answered_as_by_prometheus() {
    let folder = tempfile::tempdir().expect("a folder");
    // The samples are of long ago.
    let for_ever = ["--storage.retention.time", "0s"];
    let program = Program::start(&folder.path().join("skopos"), &for_ever).await;
    let prometheus = Prometheus::start(&folder.path().join("prometheus")).await;
    let body = prometheus::write_request(&sample_data::series(END_SECONDS));
    for url in [&program.url, &prometheus.url] {
        prometheus::write(url, body.clone()).await;
    }
    let mut generator = Generator::new(SEED, Dialect::Prometheus242, END_SECONDS);
    let (mut differences, mut with_series) = (Vec::new(), 0);
    for number in 0..QUERIES {
        let asked = ask(number, generator.expression());
        let (ours, theirs) = (asked.at(&program.url).await, asked.at(&prometheus.url).await);
        with_series += usize::from(theirs.has_series());
        if let Err(difference) = ours.same_as(&theirs) {
            differences.push(format!("{asked}\n  {difference}"));
        }
    }
    assert!(
        differences.is_empty(),
        "seed {SEED}: {} of {QUERIES} queries differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
    assert!(
        with_series >= LEAST_WITH_SERIES,
        "only {with_series} answers have series"
    );
}

/// Two of three queries are instant ones.
fn ask(number: usize, query: String) -> Asked {
    let back = (number % 20) as i64 * 4 * GRID_SECONDS;
    let time = END_SECONDS - back + PHASE_SECONDS;
    if number.is_multiple_of(3) {
        let step = [GRID_SECONDS, 2 * GRID_SECONDS, 4 * GRID_SECONDS][number / 3 % 3];
        Asked::range(query, time - 20 * step, time, step)
    } else {
        Asked::instant(query, time)
    }
}
