//! How long the builds under way are going to take, told at each scrape: a histogram knows only builds that have ended.
//!
//! The projection is the time so far, stretched by the share of the rows that is done. A build that hangs is projected
//! longer from scrape to scrape, because the clock goes on and the rows do not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, Opts, Registry};

/// Rows that must be done before the pace means something.
const LEAST_ROWS: usize = 3;

/// The gauge; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Progress {
    builds: Arc<Mutex<BTreeMap<String, Option<Build>>>>,
    gauge: GaugeVec,
}

#[derive(Debug, Clone, Copy)]
struct Build {
    started: Instant,
    rows_done: usize,
    rows: usize,
}

/// One build under way; dropping it ends it.
#[derive(Debug)]
pub(super) struct Running {
    progress: Progress,
    pack_id: String,
}

impl Progress {
    /// Registers the gauge `name{label}`: seconds, 0 while nothing is built.
    pub(super) fn register(registry: &Registry, name: &str, label: &str) -> prometheus::Result<Self> {
        let help = "Time that the build under way will have taken at its pace in seconds; 0 while there is none.";
        let progress = Self {
            builds: Arc::default(),
            gauge: GaugeVec::new(Opts::new(name, help), &[label])?,
        };
        registry.register(Box::new(progress.clone()))?;
        Ok(progress)
    }

    pub(super) fn start(&self, pack_id: &str) -> Running {
        let build = Build {
            started: Instant::now(),
            rows_done: 0,
            rows: 0,
        };
        self.lock().insert(pack_id.to_owned(), Some(build));
        Running {
            progress: self.clone(),
            pack_id: pack_id.to_owned(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Option<Build>>> {
        self.builds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    pub(super) fn row_done(&self, done: usize, rows: usize) {
        if let Some(Some(build)) = self.progress.lock().get_mut(&self.pack_id) {
            (build.rows_done, build.rows) = (done, rows);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.progress.lock().insert(self.pack_id.clone(), None);
    }
}

fn projected_seconds(elapsed: Duration, rows_done: usize, rows: usize) -> f64 {
    let elapsed = elapsed.as_secs_f64();
    if rows_done < LEAST_ROWS {
        return elapsed;
    }
    elapsed * rows as f64 / rows_done as f64
}

impl Collector for Progress {
    fn desc(&self) -> Vec<&Desc> {
        self.gauge.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        for (pack_id, build) in self.lock().iter() {
            let seconds = build.map_or(0.0, |build| {
                projected_seconds(build.started.elapsed(), build.rows_done, build.rows)
            });
            self.gauge.with_label_values(&[pack_id.as_str()]).set(seconds);
        }
        self.gauge.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_carried_on_once_it_is_known() {
        let seconds = |seconds, done| projected_seconds(Duration::from_secs(seconds), done, 120);
        assert!((seconds(18, 3) - 720.0).abs() < 1e-9);
        assert!((seconds(6, 1) - 6.0).abs() < 1e-9);
        // It hangs: the same row, later.
        assert!(seconds(100, 3) > seconds(18, 3));
    }

    #[test]
    fn a_build_that_ended_is_zero() {
        let registry = Registry::new();
        let progress = Progress::register(&registry, "projected_seconds", "pack_id").expect("a valid name");
        let value = || registry.gather()[0].get_metric()[0].get_gauge().get_value();
        let running = progress.start("p");
        running.row_done(3, 120);
        assert!(value() > 0.0);
        drop(running);
        assert!(value().abs() < f64::EPSILON);
    }
}
