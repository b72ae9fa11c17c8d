//! Series that random expressions are asked of: counters with resets, gauges, classic histograms,
//! a sparse series, one that ends with a staleness marker. Always the same.

use skopos_core::Labels;
use skopos_core::sample::STALE_NAN;

use super::generate::GRID_SECONDS;

/// Samples of a series without gaps: 40 minutes.
const SAMPLES: i64 = 160;
/// How far samples lie behind a point of the grid, so that no time asked for meets one.
const SAMPLE_PHASE_MS: i64 = 7_137;

/// A series and its samples, by time in milliseconds.
#[derive(Debug, Clone)]
pub struct SampleSeries {
    /// Its labels.
    pub labels: Labels,
    /// Its samples.
    pub samples: Vec<(i64, f64)>,
}

/// All series, whose last samples lie before `end_seconds`, a multiple of the grid.
#[must_use]
pub fn series(end_seconds: i64) -> Vec<SampleSeries> {
    let mut maker = Maker {
        end_seconds,
        made: Vec::new(),
    };
    for (number, instance) in ["a:80", "b:80", "c:81"].into_iter().enumerate() {
        for (group, job) in ["api", "db"].into_iter().enumerate() {
            maker.of_instance(instance, job, (number * 2 + group) as i64);
        }
    }
    maker.made
}

struct Maker {
    end_seconds: i64,
    made: Vec<SampleSeries>,
}

impl Maker {
    fn of_instance(&mut self, instance: &str, job: &str, seed: i64) {
        let own = [("instance", instance), ("job", job)];
        for (at, code) in ["200", "404", "500"].into_iter().enumerate() {
            let mut counter = Counter::new(seed + at as i64, 3.0 + at as f64);
            self.push("requests_total", &own, &[("code", code)], |at| Some(counter.next(at)));
        }
        let mut errors = Counter::new(seed + 9, 0.25);
        self.push("errors_total", &own, &[], |at| Some(errors.next(at)));
        let wave = |at: i64, length: f64| ((at + 7 * seed) as f64 / length).sin();
        self.push("temperature", &own, &[], |at| {
            Some(20.0 + 0.37 * seed as f64 + 5.0 * wave(at, 11.0))
        });
        self.push("queue_length", &own, &[], |at| {
            Some((3.0 * wave(at, 5.0) + seed as f64).floor())
        });
        self.push("sparse", &own, &[], |at| {
            ((at + seed) % 13 < 2).then_some(1.5 * at as f64 - seed as f64)
        });
        self.push("going", &own, &[], |at| match at {
            ..100 => Some(at as f64 + 0.1 * seed as f64),
            100 => Some(STALE_NAN),
            _ => None,
        });
        for (at, bound) in ["0.1", "0.5", "1", "+Inf"].into_iter().enumerate() {
            let mut bucket = Counter::steady(1.5 * (at + 1) as f64 + 0.1 * seed as f64);
            self.push("latency_bucket", &own, &[("le", bound)], |at| Some(bucket.next(at)));
        }
    }

    fn push(
        &mut self,
        name: &str,
        own: &[(&str, &str)],
        more: &[(&str, &str)],
        mut value: impl FnMut(i64) -> Option<f64>,
    ) {
        let pairs = [("__name__", name)].into_iter();
        let labels = Labels::from_pairs(pairs.chain(own.iter().copied()).chain(more.iter().copied()));
        let first = self.end_seconds - SAMPLES * GRID_SECONDS;
        let samples = (0..SAMPLES).filter_map(|at| {
            let time_ms = (first + at * GRID_SECONDS) * 1000 + SAMPLE_PHASE_MS;
            Some((time_ms, value(at)?))
        });
        let samples = samples.collect();
        self.made.push(SampleSeries { labels, samples });
    }
}

/// A counter that grows unevenly and starts again now and then.
struct Counter {
    total: f64,
    growth: f64,
    seed: i64,
    resets: bool,
}

impl Counter {
    fn new(seed: i64, growth: f64) -> Self {
        Self {
            total: seed as f64,
            growth,
            seed,
            resets: true,
        }
    }

    /// One without resets, so that buckets stay in order.
    fn steady(growth: f64) -> Self {
        Self {
            total: growth,
            growth,
            seed: 0,
            resets: false,
        }
    }

    fn next(&mut self, at: i64) -> f64 {
        if self.resets && (at + 5 * self.seed) % 71 == 70 {
            self.total = 0.0;
        }
        self.total += self.growth * (1.0 + 0.25 * ((at + self.seed) % 4) as f64);
        self.total
    }
}
