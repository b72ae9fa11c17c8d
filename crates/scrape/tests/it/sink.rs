//! A sink that keeps what it gets as lines of text and lets tests wait for them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use skopos_core::WriteError;
use skopos_core::metric::{AppendReport, MetricBatch, MetricSink, MetricValue};
use skopos_core::sample::is_stale;
use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(crate) struct TestSink {
    lines: Mutex<Vec<String>>,
    changed: Notify,
}

impl TestSink {
    /// Waits until the lines so far satisfy `is_done`.
    pub(crate) async fn until(&self, what: &str, is_done: impl Fn(&[String]) -> bool) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                if is_done(&self.lines()) {
                    return;
                }
                changed.await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), wait).await;
        assert!(waited.is_ok(), "never came: {what}\nstored: {:#?}", self.lines());
    }

    pub(crate) fn count(&self, line: &str) -> usize {
        self.lines().iter().filter(|stored| *stored == line).count()
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl MetricSink for TestSink {
    fn append(&self, batch: MetricBatch) -> Result<AppendReport, WriteError> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stored = 0;
        for series in &batch.series {
            for sample in &series.samples {
                stored += 1;
                lines.push(match sample.value {
                    MetricValue::Float(value) if is_stale(value) => format!("{} stale", series.labels),
                    MetricValue::Float(value) => format!("{} {value}", series.labels),
                    MetricValue::Histogram(_) => format!("{} histogram", series.labels),
                });
            }
        }
        drop(lines);
        self.changed.notify_waiters();
        Ok(AppendReport {
            stored,
            refused: Vec::new(),
        })
    }
}
