//! Data points to series.

use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    DataPointFlags, ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, SummaryDataPoint,
};
use skopos_core::Labels;
use skopos_core::metric::{Exemplar, MetricSample, MetricValue, SeriesBatch};
use skopos_core::sample::STALE_NAN;

use super::delta::{Continuity, DeltaError};
use super::exemplars::exemplars;
use super::histogram::{custom, emptied, native, stale};
use super::labels::{LabelSet, Surroundings};
use super::{NS_PER_MS, Refused, Translator, invalid_name};

/// The metric whose points are translated.
pub(super) struct Family<'s, 'a> {
    pub(super) name: &'s str,
    pub(super) surroundings: Surroundings<'s, 'a>,
    pub(super) is_delta: bool,
}

impl<'a> Family<'_, 'a> {
    fn refused(&self, reason: &'static str, why: impl std::fmt::Display) -> Refused {
        (reason, format!("metric {:?}: {why}", self.name))
    }

    fn delta_refused(&self, error: DeltaError) -> Refused {
        self.refused(error.reason(), error)
    }

    fn labels(&self, attributes: &'a [KeyValue], options: &super::MetricOptions) -> Result<LabelSet<'a>, Refused> {
        self.surroundings
            .point_labels(attributes, options)
            .map_err(|error| invalid_name(&error))
    }
}

/// The series of one data point while they are written.
struct Writer<'w> {
    out: &'w mut Vec<SeriesBatch>,
    timestamp_ms: i64,
    /// When counting began, where it is told and the value is cumulative.
    start_ms: Option<i64>,
    is_stale: bool,
}

impl Writer<'_> {
    fn float(&mut self, labels: Labels, value: f64, exemplars: Vec<Exemplar>) {
        let value = if self.is_stale { STALE_NAN } else { value };
        self.push(labels, MetricValue::Float(value), exemplars);
    }

    fn push(&mut self, labels: Labels, value: MetricValue, exemplars: Vec<Exemplar>) {
        self.out.push(SeriesBatch {
            labels,
            samples: vec![MetricSample {
                timestamp_ms: self.timestamp_ms,
                value,
            }],
            start_timestamps_ms: self.start_ms.into_iter().collect(),
            exemplars,
        });
    }
}

const fn has_no_value(flags: u32) -> bool {
    flags & DataPointFlags::NoRecordedValueMask as u32 != 0
}

impl Translator<'_> {
    /// Translates all points of a metric; what cannot be is refused point by point.
    pub(super) fn points<'a>(&mut self, family: &Family<'_, 'a>, metric: &'a Metric) {
        match &metric.data {
            Some(Data::Gauge(data)) => self.each(&data.data_points, |this, point| this.number(family, point, false)),
            Some(Data::Sum(data)) => self.each(&data.data_points, |this, point| this.number(family, point, true)),
            Some(Data::Histogram(data)) => self.each(&data.data_points, |this, point| this.histogram(family, point)),
            Some(Data::ExponentialHistogram(data)) => {
                self.each(&data.data_points, |this, point| this.exponential(family, point));
            }
            Some(Data::Summary(data)) => self.each(&data.data_points, |this, point| this.summary(family, point)),
            None => {}
        }
    }

    fn each<'a, P>(&mut self, points: &'a [P], mut translate: impl FnMut(&mut Self, &'a P) -> Result<(), Refused>) {
        for point in points {
            match translate(self, point) {
                Ok(()) => self.out.points += 1,
                Err(refused) => self.refuse_all(1, &refused),
            }
        }
    }

    /// The start of a delta is that of its interval, not of the counting.
    fn writer(&mut self, family: &Family<'_, '_>, start_ns: u64, unix_nano: u64, flags: u32) -> Writer<'_> {
        let start_ms = (start_ns / NS_PER_MS) as i64;
        Writer {
            timestamp_ms: self.time_ms(unix_nano),
            start_ms: Some(start_ms).filter(|start_ms| *start_ms > 0 && !family.is_delta),
            out: &mut self.out.batch.series,
            is_stale: has_no_value(flags),
        }
    }

    /// Only sums have exemplars in Prometheus' model.
    fn number<'a>(&mut self, family: &Family<'_, 'a>, point: &'a NumberDataPoint, is_sum: bool) -> Result<(), Refused> {
        let is_stale = has_no_value(point.flags);
        let value = match point.value {
            Some(Value::AsDouble(value)) => value,
            Some(Value::AsInt(value)) => value as f64,
            None if is_stale => 0.0,
            None => {
                return Err(family.refused(
                    "no_value",
                    "data point has neither a value nor the flag that it has none",
                ));
            }
        };
        let labels = family
            .labels(&point.attributes, self.options)?
            .labels(family.name, None);
        let mut continuity = Continuity::Continued;
        let mut value = value;
        if family.is_delta && !is_stale {
            (value, continuity) = self
                .deltas
                .sum(labels.clone(), point.time_unix_nano, value, self.now_ms)
                .map_err(|error| family.delta_refused(error))?;
        }
        let before = self.out.batch.series.len();
        let exemplars = if is_sum {
            exemplars(&point.exemplars)
        } else {
            Vec::new()
        };
        self.writer(family, point.start_time_unix_nano, point.time_unix_nano, point.flags)
            .float(labels, value, exemplars);
        self.add_zeros(before, continuity, point.start_time_unix_nano);
        Ok(())
    }

    fn histogram<'a>(&mut self, family: &Family<'_, 'a>, sent: &'a HistogramDataPoint) -> Result<(), Refused> {
        let set = family.labels(&sent.attributes, self.options)?;
        let mut continuity = Continuity::Continued;
        let mut cumulative = None;
        if family.is_delta && !has_no_value(sent.flags) {
            let mut point = HistogramDataPoint {
                attributes: Vec::new(),
                exemplars: Vec::new(),
                ..sent.clone()
            };
            continuity = self
                .deltas
                .explicit(set.labels(family.name, None), &mut point, self.now_ms)
                .map_err(|error| family.delta_refused(error))?;
            cumulative = Some(point);
        }
        let point = cumulative.as_ref().unwrap_or(sent);
        let before = self.out.batch.series.len();
        let exemplars = exemplars(&sent.exemplars);
        if self.options.convert_histograms_to_nhcb {
            let value = if has_no_value(point.flags) {
                stale()
            } else {
                custom(point).map_err(|reason| family.refused("invalid_histogram", reason))?
            };
            self.writer(family, point.start_time_unix_nano, point.time_unix_nano, point.flags)
                .push(
                    set.labels(family.name, None),
                    MetricValue::Histogram(Arc::new(value)),
                    exemplars,
                );
        } else {
            let mut writer = self.writer(family, point.start_time_unix_nano, point.time_unix_nano, point.flags);
            classic(&mut writer, family.name, &set, point, exemplars);
        }
        self.add_zeros(before, continuity, point.start_time_unix_nano);
        Ok(())
    }

    fn exponential<'a>(
        &mut self,
        family: &Family<'_, 'a>,
        sent: &'a ExponentialHistogramDataPoint,
    ) -> Result<(), Refused> {
        let labels = family.labels(&sent.attributes, self.options)?.labels(family.name, None);
        let invalid = |reason| family.refused("invalid_histogram", reason);
        let mut continuity = Continuity::Continued;
        let value = if has_no_value(sent.flags) {
            stale()
        } else if family.is_delta {
            // What has no native form must not become part of the total.
            native(sent).map_err(invalid)?;
            let mut point = sent.clone();
            continuity = self
                .deltas
                .exponential(labels.clone(), &mut point, self.now_ms)
                .map_err(|error| family.delta_refused(error))?;
            native(&point).map_err(invalid)?
        } else {
            native(sent).map_err(invalid)?
        };
        let before = self.out.batch.series.len();
        self.writer(family, sent.start_time_unix_nano, sent.time_unix_nano, sent.flags)
            .push(
                labels,
                MetricValue::Histogram(Arc::new(value)),
                exemplars(&sent.exemplars),
            );
        self.add_zeros(before, continuity, sent.start_time_unix_nano);
        Ok(())
    }

    fn summary<'a>(&mut self, family: &Family<'_, 'a>, point: &'a SummaryDataPoint) -> Result<(), Refused> {
        let set = family.labels(&point.attributes, self.options)?;
        let mut writer = self.writer(family, point.start_time_unix_nano, point.time_unix_nano, point.flags);
        let name = family.name;
        writer.float(set.labels(&format!("{name}_sum"), None), point.sum, Vec::new());
        writer.float(
            set.labels(&format!("{name}_count"), None),
            point.count as f64,
            Vec::new(),
        );
        for quantile in &point.quantile_values {
            let text = plain(quantile.quantile);
            let labels = set.labels(name, Some(("quantile", &text)));
            writer.float(labels, quantile.value, Vec::new());
        }
        Ok(())
    }

    /// Says that the series from `before` on began at zero, where the stream has just begun.
    fn add_zeros(&mut self, before: usize, continuity: Continuity, start_ns: u64) {
        if continuity == Continuity::Continued || start_ns == 0 {
            return;
        }
        let start_ms = (start_ns / NS_PER_MS) as i64 + 1;
        let begun = self.out.batch.series.get(before..).unwrap_or_default();
        for series in begun {
            let Some(sample) = series.samples.first().filter(|first| start_ms < first.timestamp_ms) else {
                continue;
            };
            let value = match &sample.value {
                MetricValue::Float(_) => MetricValue::Float(0.0),
                MetricValue::Histogram(histogram) => MetricValue::Histogram(Arc::new(emptied(histogram))),
            };
            self.out.zeros.series.push(SeriesBatch {
                labels: series.labels.clone(),
                samples: vec![MetricSample {
                    timestamp_ms: start_ms,
                    value,
                }],
                ..SeriesBatch::default()
            });
        }
    }
}

/// `_sum`, `_count` and one `_bucket` for each bound and for infinity. An exemplar goes to the
/// lowest bucket that holds its value.
fn classic(
    writer: &mut Writer<'_>,
    name: &str,
    set: &LabelSet<'_>,
    point: &HistogramDataPoint,
    mut exemplars: Vec<Exemplar>,
) {
    if let Some(sum) = point.sum {
        writer.float(set.labels(&format!("{name}_sum"), None), sum, Vec::new());
    }
    writer.float(
        set.labels(&format!("{name}_count"), None),
        point.count as f64,
        Vec::new(),
    );
    let bucket = format!("{name}_bucket");
    let mut below = 0u64;
    for (bound, count) in point.explicit_bounds.iter().zip(&point.bucket_counts) {
        below = below.saturating_add(*count);
        let (inside, above) = exemplars.into_iter().partition(|exemplar| exemplar.value <= *bound);
        exemplars = above;
        let labels = set.labels(&bucket, Some(("le", &plain(*bound))));
        writer.float(labels, below as f64, inside);
    }
    let labels = set.labels(&bucket, Some(("le", "+Inf")));
    writer.float(labels, point.count as f64, exemplars);
}

/// A bound or quantile as Go's `FormatFloat(value, 'f', -1, 64)` writes it: without an exponent.
fn plain(value: f64) -> String {
    if value == f64::INFINITY {
        return "+Inf".to_owned();
    }
    if value == f64::NEG_INFINITY {
        return "-Inf".to_owned();
    }
    value.to_string()
}
