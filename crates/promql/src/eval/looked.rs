//! Counts what a query reads and looks at.

use std::sync::atomic::{AtomicU64, Ordering};

use skopos_core::metric::Series;

use super::{Evaluator, Frame, Grid};
use crate::value::QueryStats;

/// The counts of one query.
#[derive(Debug, Default)]
pub(super) struct Counts {
    series: AtomicU64,
    read_samples: AtomicU64,
    looked_at: AtomicU64,
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
            queryable_per_step: grid.times().zip(self.steps.iter().map(load)).collect(),
        }
    }
}

impl Evaluator<'_> {
    /// Counts series that the store gave.
    pub(super) fn count_read<'s>(&self, series: impl Iterator<Item = &'s Series>) -> usize {
        let (mut count, mut samples) = (0, 0);
        for series in series {
            count += 1;
            samples += series.len();
        }
        self.counts.series.fetch_add(count, Ordering::Relaxed);
        self.counts.read_samples.fetch_add(samples as u64, Ordering::Relaxed);
        samples
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
