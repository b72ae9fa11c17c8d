//! Counts what a query reads and looks at.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use skopos_core::metric::DownsampledSeries;

use super::{Evaluator, Frame, Grid};
use crate::value::QueryStats;

/// The counts of one query.
#[derive(Debug, Default)]
pub(super) struct Counts {
    series: AtomicU64,
    read_samples: AtomicU64,
    looked_at: AtomicU64,
    /// By length in milliseconds.
    windows: Mutex<BTreeMap<i64, u64>>,
    /// Empty where nobody asked for them.
    steps: Vec<AtomicU64>,
}

/// The samples that a function looked at in one series, counted without a lock.
pub(super) struct Looked {
    total: u64,
    steps: Vec<u64>,
}

impl Looked {
    /// Counts samples at a step.
    pub(super) fn add(&mut self, step: usize, samples: usize) {
        self.total += samples as u64;
        if let Some(slot) = self.steps.get_mut(step) {
            *slot += samples as u64;
        }
    }

    /// Whether steps are told apart.
    pub(super) fn is_by_step(&self) -> bool {
        !self.steps.is_empty()
    }

    /// Counts samples of steps that are not told apart.
    pub(super) fn add_total(&mut self, samples: u64) {
        self.total += samples;
    }

    /// Begins anew.
    pub(super) fn clear(&mut self) {
        self.total = 0;
        self.steps.fill(0);
    }
}

impl Counts {
    /// Counts for each step too.
    pub(super) fn by_step(grid: Grid) -> Self {
        Self {
            steps: grid.times().map(|_| AtomicU64::new(0)).collect(),
            ..Self::default()
        }
    }

    /// The counts as the query's caller sees them.
    pub(super) fn stats(&self, grid: Grid) -> QueryStats {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        QueryStats {
            series: load(&self.series),
            read_samples: load(&self.read_samples),
            queryable_samples: load(&self.looked_at),
            windows: self.windows.lock().expect("no holder of the lock panics").clone(),
            queryable_per_step: grid.times().zip(self.steps.iter().map(load)).collect(),
        }
    }
}

impl Evaluator<'_> {
    /// Counts series that the store gave; gives as how many samples the budget is charged with them.
    pub(super) fn count_read(&self, found: &[DownsampledSeries]) -> usize {
        let (mut samples, mut charged) = (0, 0);
        let mut windows: BTreeMap<i64, u64> = BTreeMap::new();
        for series in found {
            samples += series.series.len();
            charged += series.charged_samples();
            let floats = series.windows.iter().map(|window| window.resolution_ms);
            let histograms = series.histogram_windows.iter().map(|window| window.resolution_ms);
            for resolution_ms in floats.chain(histograms) {
                *windows.entry(resolution_ms).or_default() += 1;
            }
        }
        self.count_series(found.len() as u64, samples);
        if !windows.is_empty() {
            let mut all = self.counts.windows.lock().expect("no holder of the lock panics");
            for (resolution_ms, count) in windows {
                *all.entry(resolution_ms).or_default() += count;
            }
        }
        charged
    }

    /// Counts series that the store gave, with their samples.
    pub(super) fn count_series(&self, series: u64, samples: usize) {
        self.counts.series.fetch_add(series, Ordering::Relaxed);
        self.counts.read_samples.fetch_add(samples as u64, Ordering::Relaxed);
    }

    /// A counter for one series. Steps of subqueries are not steps of the query.
    pub(super) fn looked(&self, frame: Frame) -> Looked {
        let is_outer = frame.grid.start_ms == frame.query.start_ms && frame.grid.len() <= frame.query.len();
        let steps = if is_outer { self.counts.steps.len() } else { 0 };
        Looked {
            total: 0,
            steps: vec![0; steps],
        }
    }

    /// Adds what was counted.
    pub(super) fn count_looked(&self, looked: &Looked) {
        self.counts.looked_at.fetch_add(looked.total, Ordering::Relaxed);
        for (slot, count) in self.counts.steps.iter().zip(&looked.steps) {
            slot.fetch_add(*count, Ordering::Relaxed);
        }
    }
}
