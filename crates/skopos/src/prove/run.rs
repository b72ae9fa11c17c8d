//! Proves rules on all processors, with a bar on a terminal.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use skopos_prove::{Prover, Report, RuleReport};

/// Stack of a thread that proves: expressions nest.
const STACK_BYTES: usize = 32 << 20;

/// Proves all rules, with a bar on stderr where that is a terminal.
pub(super) fn prove_with_progress(prover: &Prover) -> Report {
    let target = ProgressDrawTarget::stderr();
    let bar = ProgressBar::with_draw_target(Some(prover.len() as u64), target);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} rules {elapsed}") {
        bar.set_style(style);
    }
    let report = prove_all(prover, &|| bar.inc(1));
    bar.finish_and_clear();
    report
}

/// Proves all rules side by side; `tick` is called after each.
pub(crate) fn prove_all(prover: &Prover, tick: &(dyn Fn() + Sync)) -> Report {
    let next = AtomicUsize::new(0);
    let work = || -> Vec<(usize, RuleReport)> {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(report) = prover.prove_rule(index) else {
                return done;
            };
            done.push((index, report));
            tick();
        }
    };
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut reports: Vec<(usize, RuleReport)> = thread::scope(|scope| {
        let start = |_| {
            let builder = thread::Builder::new().name("prove".to_owned()).stack_size(STACK_BYTES);
            builder.spawn_scoped(scope, work).ok()
        };
        let started: Vec<_> = (0..threads).filter_map(start).collect();
        let ended = started.into_iter().filter_map(|thread| thread.join().ok());
        ended.flatten().collect()
    });
    // What no thread could be had for, or what a thread that panicked left.
    let mut is_done = vec![false; prover.len()];
    for (index, _) in &reports {
        is_done[*index] = true;
    }
    let left = (0..prover.len()).filter(|index| !is_done[*index]);
    reports.extend(left.filter_map(|index| Some((index, prover.prove_rule(index)?))));
    reports.sort_by_key(|(index, _)| *index);
    Report::new(reports.into_iter().map(|(_, report)| report).collect())
}
