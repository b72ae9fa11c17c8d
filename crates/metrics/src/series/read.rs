//! Reading a series of the head: samples in a range, and what a flush takes.

use std::sync::Arc;

use skopos_core::TimeRange;
use skopos_core::metric::{Series, Wanted};

use super::{MemSeries, Rare};
use crate::run::{Run, Start, normalise};
use crate::xor;

impl MemSeries {
    /// Adds the samples in the range to `out`; whether those and the ones before are sorted and
    /// unique is for the caller to see to.
    pub(crate) fn read_into(&self, range: TimeRange, out: &mut Series) {
        let chunks = || self.chunks.iter().filter(|chunk| chunk.range.overlaps(&range));
        let is_open_wanted = self.open.count() > 0 && self.open_since_ms <= range.end_ms;
        let count: usize = chunks().map(|chunk| chunk.count as usize).sum();
        let count = count + if is_open_wanted { self.open.count() as usize } else { 0 };
        out.timestamps_ms.reserve(count);
        out.values.reserve(count);
        for chunk in chunks() {
            decode_into(&chunk.bytes, chunk.count, out);
        }
        if is_open_wanted {
            self.open.decode_into(&mut out.timestamps_ms, &mut out.values);
        }
        let Some(rare) = &self.rare else { return };
        for (timestamp_ms, value) in rare.late.iter().chain(&rare.late_pending) {
            out.timestamps_ms.push(*timestamp_ms);
            out.values.push(*value);
        }
        for (timestamp_ms, histogram) in &rare.histograms {
            out.histogram_timestamps_ms.push(*timestamp_ms);
            out.histograms.push(Arc::clone(histogram));
        }
    }

    /// Adds the floats in the range to the lists; of the newest ones wanted, perhaps a few before it.
    /// A series with more than floats that came in order is given whole instead.
    pub(crate) fn lend(
        &self,
        range: TimeRange,
        wanted: Wanted,
        times: &mut Vec<i64>,
        values: &mut Vec<f64>,
    ) -> Option<Box<Series>> {
        if !self.overlaps(range) {
            return None;
        }
        if self.rare.as_ref().is_some_and(|rare| rare.has_samples()) {
            return Some(Box::new(self.read(range)));
        }
        if wanted == Wanted::Newest {
            if let Some((time, value)) = self.newest()
                && range.contains(time)
            {
                times.push(time);
                values.push(value);
                return None;
            }
            return self.lend(self.newest_chunk(range), Wanted::All, times, values);
        }
        let start = times.len();
        for chunk in self.chunks.iter().filter(|chunk| chunk.range.overlaps(&range)) {
            decode_floats(&chunk.bytes, chunk.count, times, values);
        }
        if self.open.count() > 0 && self.open_since_ms <= range.end_ms {
            self.open.decode_into(times, values);
        }
        let end = start + times[start..].partition_point(|time| *time <= range.end_ms);
        times.truncate(end);
        values.truncate(end);
        let before = start..start + times[start..].partition_point(|time| *time < range.start_ms);
        times.drain(before.clone());
        values.drain(before);
        None
    }

    /// The last sample of the chunks.
    fn newest(&self) -> Option<(i64, f64)> {
        let closed = self.chunks.last().filter(|chunk| chunk.range.end_ms == self.last_ms);
        let closed = closed.filter(|_| !self.is_last_histogram);
        self.open
            .last()
            .or_else(|| closed.map(|_| (self.last_ms, self.last_value)))
    }

    /// The range without what lies before the last chunk that has samples in it.
    fn newest_chunk(&self, range: TimeRange) -> TimeRange {
        let is_open = self.open.count() > 0 && self.open_since_ms <= range.end_ms;
        let closed = || {
            self.chunks
                .iter()
                .rev()
                .find(|chunk| chunk.range.start_ms <= range.end_ms)
        };
        let since_ms = if is_open {
            Some(self.open_since_ms)
        } else {
            closed().map(|chunk| chunk.range.start_ms)
        };
        TimeRange::new(since_ms.unwrap_or(range.start_ms).max(range.start_ms), range.end_ms)
    }

    /// Samples in the range, sorted, one of each time.
    pub(crate) fn read(&self, range: TimeRange) -> Series {
        let mut out = Series {
            labels: self.labels.clone(),
            ..Series::default()
        };
        self.read_into(range, &mut out);
        normalise(&mut out, range);
        out
    }

    /// When counting began, by the times of samples, such that it is true of all samples here.
    pub(crate) fn starts(&self) -> Vec<Start> {
        let kept = self.rare.as_ref().map_or(&[][..], |rare| &rare.starts);
        if kept.is_empty() {
            return Vec::new();
        }
        let first_ms = self.bounds().map_or(0, |bounds| bounds.start_ms);
        let mut starts = Vec::with_capacity(kept.len() + 1);
        if kept.first().is_some_and(|start| start.timestamp_ms > first_ms) {
            starts.push(Start {
                timestamp_ms: first_ms,
                start_ms: 0,
            });
        }
        starts.extend_from_slice(kept);
        starts
    }

    /// Samples of the chunks, in order.
    pub(super) fn chunk_samples(&self) -> (Vec<i64>, Vec<f64>) {
        let mut out = Series::default();
        for chunk in &self.chunks {
            decode_into(&chunk.bytes, chunk.count, &mut out);
        }
        self.open.decode_into(&mut out.timestamps_ms, &mut out.values);
        (out.timestamps_ms, out.values)
    }

    /// Whether it has samples in the range, as far as chunks tell.
    pub(crate) fn overlaps(&self, range: TimeRange) -> bool {
        self.chunks.iter().any(|chunk| chunk.range.overlaps(&range))
            || (self.open.count() > 0 && range.overlaps(&TimeRange::new(self.open_since_ms, self.last_ms)))
            || self.rare.as_ref().is_some_and(|rare| {
                let mut late = rare.late.iter().chain(&rare.late_pending).map(|sample| sample.0);
                let mut histograms = rare.histograms.iter().map(|sample| sample.0);
                late.any(|time| range.contains(time)) || histograms.any(|time| range.contains(time))
            })
    }

    /// Notes what a flush takes; whether there is anything.
    pub(crate) fn mark_pending(&mut self) -> bool {
        self.pending_ms = self.last_ms;
        let mut has_late = false;
        if let Some(rare) = &mut self.rare {
            let Rare { late, late_pending, .. } = rare.as_mut();
            late_pending.append(late);
            has_late = !late_pending.is_empty();
        }
        has_late || self.pending_ms > self.flushed_ms
    }

    /// The samples that a flush takes, as noted.
    pub(crate) fn read_pending(&self) -> Run {
        let range = TimeRange::new(self.flushed_ms.saturating_add(1), self.pending_ms);
        let mut series = self.read(range);
        for (timestamp_ms, value) in self.rare.iter().flat_map(|rare| &rare.late_pending) {
            series.timestamps_ms.push(*timestamp_ms);
            series.values.push(*value);
        }
        normalise(&mut series, TimeRange::ALL);
        let starts = if series.is_empty() { Vec::new() } else { self.starts() };
        Run { series, starts }
    }

    /// The time of the oldest sample that no part has, or a little before it.
    pub(crate) fn oldest_unflushed_ms(&self) -> Option<i64> {
        let late = self.late_ms();
        let in_order =
            (self.last_ms > self.flushed_ms).then(|| self.bounds().map(|bounds| bounds.start_ms.max(self.flushed_ms)));
        late.into_iter().chain(in_order.flatten()).min()
    }

    /// First and last time, if there are samples.
    pub(crate) fn bounds(&self) -> Option<TimeRange> {
        let open = (self.open.count() > 0).then_some(self.open_since_ms);
        let histograms = self.rare.as_ref().and_then(|rare| rare.histograms.first());
        let firsts = [
            self.chunks.first().map(|chunk| chunk.range.start_ms),
            open,
            self.late_ms(),
            histograms.map(|sample| sample.0),
        ];
        let first = firsts.into_iter().flatten().min()?;
        Some(TimeRange::new(first, self.last_ms))
    }

    /// The oldest sample that came late.
    fn late_ms(&self) -> Option<i64> {
        let rare = self.rare.as_ref()?;
        rare.late.iter().chain(&rare.late_pending).map(|sample| sample.0).min()
    }
}

fn decode_into(bytes: &[u8], count: u32, out: &mut Series) {
    decode_floats(bytes, count, &mut out.timestamps_ms, &mut out.values);
}

fn decode_floats(bytes: &[u8], count: u32, times: &mut Vec<i64>, values: &mut Vec<f64>) {
    xor::decode(bytes, count, times, values).expect("chunks of the head are our own");
}
