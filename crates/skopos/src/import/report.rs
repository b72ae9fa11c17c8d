//! What an import found, took and left, for people and as JSON.

use std::collections::BTreeMap;

use serde::Serialize;
use skopos_core::ledger::{Ledger, LedgerKey, Outcome, Signal};
use skopos_core::{TenantId, TimeRange};
use skopos_metrics::BulkReport;

use crate::banner::print_line;
use crate::query::api::show_time_ms;

/// Most places of damage that are told; all are counted.
const MAX_DAMAGE: usize = 20;

/// The door's name in the ledger.
const DOOR: &str = "import";

/// The report of one import.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) source: String,
    pub(crate) dry_run: bool,
    /// Blocks, the head, or the file.
    pub(crate) parts: Vec<SourceReport>,
    pub(crate) series: u64,
    pub(crate) samples: u64,
    pub(crate) histograms: u64,
    pub(crate) exemplars: u64,
    pub(crate) min_time_ms: Option<i64>,
    pub(crate) max_time_ms: Option<i64>,
    pub(crate) written_parts: u64,
    pub(crate) written_bytes: u64,
    /// Samples that were not taken, by reason.
    pub(crate) dropped: BTreeMap<&'static str, u64>,
    pub(crate) ledger: Vec<LedgerLine>,
    pub(crate) damaged: u64,
    pub(crate) damage: Vec<String>,
    pub(crate) notes: Vec<String>,
    #[serde(skip)]
    pub(crate) counts: Ledger,
}

/// What became of one source.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SourceReport {
    pub(crate) name: String,
    pub(crate) min_time_ms: Option<i64>,
    pub(crate) max_time_ms: Option<i64>,
    pub(crate) series: u64,
    pub(crate) samples: u64,
    /// Why nothing of it was taken.
    pub(crate) skipped: Option<String>,
}

/// A line of the ledger.
#[derive(Debug, Serialize)]
pub(crate) struct LedgerLine {
    door: &'static str,
    outcome: &'static str,
    reason: &'static str,
    count: u64,
}

impl Report {
    pub(crate) fn new(source: String, dry_run: bool) -> Self {
        Self {
            source,
            dry_run,
            ..Self::default()
        }
    }

    /// Counts samples that are left out for a reason.
    pub(crate) fn drop_samples(&mut self, reason: &'static str, count: u64) {
        if count > 0 {
            *self.dropped.entry(reason).or_default() += count;
        }
    }

    /// Notes a place that could not be read.
    pub(crate) fn note_damage(&mut self, text: String) {
        self.damaged += 1;
        if self.damage.len() < MAX_DAMAGE {
            self.damage.push(text);
        }
    }

    /// Widens the range by the times of a sample or of many.
    pub(crate) fn widen(&mut self, range: TimeRange) {
        self.min_time_ms = Some(self.min_time_ms.map_or(range.start_ms, |min| min.min(range.start_ms)));
        self.max_time_ms = Some(self.max_time_ms.map_or(range.end_ms, |max| max.max(range.end_ms)));
    }

    /// Adds what the bulk door wrote of a source.
    pub(crate) fn add_written(&mut self, name: &str, written: &BulkReport) {
        self.parts.push(SourceReport {
            name: name.to_owned(),
            min_time_ms: written.range.map(|range| range.start_ms),
            max_time_ms: written.range.map(|range| range.end_ms),
            series: written.series,
            samples: written.floats + written.histograms,
            skipped: None,
        });
        self.series += written.series;
        self.samples += written.floats + written.histograms;
        self.histograms += written.histograms;
        self.exemplars += written.exemplars;
        self.written_parts += written.parts;
        self.written_bytes += written.bytes;
        if let Some(range) = written.range {
            self.widen(range);
        }
    }

    /// Adds a source of which nothing is taken.
    pub(crate) fn skip(&mut self, mut part: SourceReport, why: impl Into<String>) {
        part.skipped = Some(why.into());
        self.parts.push(part);
    }

    /// Enters into the ledger what was written and what was left out: received is their sum.
    pub(crate) fn settle(&mut self, tenant: &TenantId) {
        let key = |outcome, reason| LedgerKey {
            tenant: tenant.clone(),
            signal: Signal::Metrics,
            door: DOOR,
            outcome,
            reason,
        };
        if !self.dry_run {
            self.counts.add(key(Outcome::Stored, ""), self.samples + self.exemplars);
        }
        for (reason, count) in &self.dropped {
            let outcome = match *reason {
                "selection" | "deleted" | "in_blocks" | "duplicate" => Outcome::Dropped,
                _ => Outcome::Rejected,
            };
            self.counts.add(key(outcome, reason), *count);
        }
        let lines = self.counts.snapshot().into_iter();
        self.ledger = lines
            .map(|(key, count)| LedgerLine {
                door: key.door,
                outcome: key.outcome.as_str(),
                reason: key.reason,
                count,
            })
            .collect();
    }

    pub(crate) fn print(&self, is_json: bool) -> anyhow::Result<()> {
        if is_json {
            print_line(&serde_json::to_string_pretty(self)?);
            return Ok(());
        }
        for part in &self.parts {
            let range = match (part.min_time_ms, part.max_time_ms) {
                (Some(min), Some(max)) => format!(" {} – {}", show_time_ms(min), show_time_ms(max)),
                _ => String::new(),
            };
            let what = match &part.skipped {
                Some(why) => format!("skipped: {why}"),
                None => format!("{} series, {} samples", part.series, part.samples),
            };
            print_line(&format!("{}{range}: {what}", part.name));
        }
        let verb = if self.dry_run { "would take" } else { "took" };
        print_line(&format!(
            "{verb} {} samples ({} of them native histograms) and {} exemplars from {}",
            self.samples, self.histograms, self.exemplars, self.source
        ));
        if self.written_parts > 0 {
            print_line(&format!(
                "wrote {} parts, {} bytes",
                self.written_parts, self.written_bytes
            ));
        }
        for (reason, count) in &self.dropped {
            print_line(&format!("left out {count} samples: {reason}"));
        }
        for damage in &self.damage {
            print_line(&format!("damaged: {damage}"));
        }
        if self.damaged > self.damage.len() as u64 {
            print_line(&format!(
                "… and {} places more",
                self.damaged - self.damage.len() as u64
            ));
        }
        for note in &self.notes {
            print_line(note);
        }
        Ok(())
    }
}
