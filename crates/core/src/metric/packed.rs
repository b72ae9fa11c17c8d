//! Float samples of many series in a handful of allocations, for doors that take many of them.
//!
//! A [`SeriesBatch`] has a label set and lists of its own. Most series that come are known to the
//! store already, and all it needs to find them is the text of their labels: here those texts
//! stand one after the other in one buffer, in the form of [`Labels::encoded`], and so do the
//! samples. Both buffers can be used again for the next request.

use super::{MetricBatch, MetricSample, MetricValue, SeriesBatch};
use crate::Labels;
use crate::labels::{METRIC_NAME, encode_text};

/// A float at a time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FloatPoint {
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// The value, the staleness marker included.
    pub value: f64,
}

/// Float samples by series, in the order they came.
///
/// A series is written label by label and sample by sample, and then either
/// [ended](Self::end_series) or [taken back](Self::take_back).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PackedFloats {
    names: Vec<u8>,
    points: Vec<FloatPoint>,
    ends: Vec<Ends>,
    open: OpenSeries,
}

/// Where a series ends in both buffers.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Ends {
    name: usize,
    points: usize,
}

/// What is known of the labels of the series that is being written.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct OpenSeries {
    /// Where the name of the label before lies in `names`.
    previous: (usize, usize),
    has_metric_name: bool,
    is_disordered: bool,
}

impl PackedFloats {
    /// Adds a label to the series that is being written, as bytes that are checked to be UTF-8
    /// [for all at once](Self::is_utf8).
    pub fn push_label(&mut self, name: &[u8], value: &[u8]) {
        let (start, end) = self.open.previous;
        self.open.is_disordered |= value.is_empty() || (end > 0 && self.names[start..end] >= *name);
        self.open.has_metric_name |= name == METRIC_NAME.as_bytes();
        encode_text(&mut self.names, name);
        self.open.previous = (self.names.len() - name.len(), self.names.len());
        encode_text(&mut self.names, value);
    }

    /// Adds a sample to the series that is being written.
    pub fn push_point(&mut self, timestamp_ms: i64, value: f64) {
        self.points.push(FloatPoint { timestamp_ms, value });
    }

    /// Ends the series that was written. `false`, and it is taken back, unless its labels are
    /// sorted by name, each once and with a value, with a metric name among them.
    pub fn end_series(&mut self) -> bool {
        let is_good = self.open.has_metric_name && !self.open.is_disordered;
        if !is_good {
            self.take_back();
            return false;
        }
        self.ends.push(Ends {
            name: self.names.len(),
            points: self.points.len(),
        });
        self.open = OpenSeries::default();
        true
    }

    /// Forgets the labels and samples since the last series ended.
    pub fn take_back(&mut self) {
        let Ends { name, points } = self.ends.last().copied().unwrap_or_default();
        self.names.truncate(name);
        self.points.truncate(points);
        self.open = OpenSeries::default();
    }

    /// Adds a sample of a series whose labels are at hand.
    pub fn push(&mut self, labels: &Labels, timestamp_ms: i64, value: f64) {
        self.names.extend_from_slice(labels.encoded().as_bytes());
        self.push_point(timestamp_ms, value);
        self.ends.push(Ends {
            name: self.names.len(),
            points: self.points.len(),
        });
    }

    /// Whether all labels are UTF-8.
    pub fn is_utf8(&self) -> bool {
        // Between two texts stands a length in ASCII, so that no character spans both.
        std::str::from_utf8(&self.names).is_ok()
    }

    /// The series: their labels as [`Labels::encoded`] gives them, which [`Labels::from_encoded`]
    /// checks, and their samples.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[FloatPoint])> {
        let mut start = Ends::default();
        self.ends.iter().map(move |end| {
            let name = &self.names[start.name..end.name];
            let points = &self.points[start.points..end.points];
            start = *end;
            (name, points)
        })
    }

    /// Number of series.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no series.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.points.len()
    }

    /// Empties it. The buffers stay for the next request, unless they have grown beyond
    /// `kept_bytes` each.
    pub fn clear(&mut self, kept_bytes: usize) {
        self.names.clear();
        self.points.clear();
        self.ends.clear();
        self.open = OpenSeries::default();
        self.names.shrink_to(kept_bytes);
        self.points.shrink_to(kept_bytes / size_of::<FloatPoint>());
        self.ends.shrink_to(kept_bytes / size_of::<Ends>());
    }

    /// The same as a batch with label sets.
    pub fn to_batch(&self) -> MetricBatch {
        let series = self.iter().filter_map(|(name, points)| {
            let samples = points.iter().map(|point| MetricSample {
                timestamp_ms: point.timestamp_ms,
                value: MetricValue::Float(point.value),
            });
            Some(SeriesBatch {
                labels: Labels::from_encoded(std::str::from_utf8(name).ok()?)?,
                samples: samples.collect(),
                ..SeriesBatch::default()
            })
        });
        MetricBatch {
            series: series.collect(),
            metadata: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(pairs: &[(&str, &str)]) -> (bool, PackedFloats) {
        let mut packed = PackedFloats::default();
        for (name, value) in pairs {
            packed.push_label(name.as_bytes(), value.as_bytes());
        }
        packed.push_point(5, 1.0);
        (packed.end_series(), packed)
    }

    #[test]
    fn series_come_back_as_they_were_written() {
        let long = "v".repeat(5000);
        let mut packed = PackedFloats::default();
        let sets = [
            Labels::from_pairs([("__name__", "a"), ("x", long.as_str())]),
            Labels::from_pairs([("A", "1"), ("__name__", "b")]),
        ];
        for (at, labels) in sets.iter().enumerate() {
            for (name, value) in labels {
                packed.push_label(name.as_bytes(), value.as_bytes());
            }
            packed.push_point(at as i64, 1.5);
            packed.push_point(at as i64 + 10, 2.5);
            assert!(packed.end_series());
        }
        packed.push(&sets[0], 99, 3.5);
        assert!(packed.is_utf8());
        assert_eq!((packed.len(), packed.samples()), (3, 5));
        let batch = packed.to_batch();
        let read: Vec<_> = batch.series.iter().map(|series| &series.labels).collect();
        assert_eq!(read, [&sets[0], &sets[1], &sets[0]]);
        assert_eq!(batch.series[2].samples[0].timestamp_ms, 99);
    }

    #[test]
    fn what_is_no_label_set_is_taken_back() {
        for broken in [
            &[("b", "1"), ("__name__", "n")][..],
            &[("__name__", "n"), ("__name__", "n")],
            &[("__name__", "n"), ("a", "")],
            &[("a", "1")],
            &[("", "1"), ("", "1"), ("__name__", "n")],
            &[],
        ] {
            let (is_good, packed) = written(broken);
            assert!(!is_good, "{broken:?}");
            assert_eq!(packed, PackedFloats::default(), "{broken:?}");
        }
        assert!(written(&[("__name__", "n"), ("a", "1")]).0);
    }

    #[test]
    fn broken_characters_are_found_across_texts() {
        let mut packed = PackedFloats::default();
        packed.push_label(b"__name__", "é".as_bytes().split_at(1).0);
        packed.push_label(b"a", "é".as_bytes().split_at(1).1);
        assert!(packed.end_series());
        assert!(!packed.is_utf8());
        assert_eq!(packed.to_batch(), MetricBatch::default());
    }
}
