//! Functions over histograms, classic and native: quantiles, fractions, and the simple readers.

use hashbrown::HashMap;
use skopos_core::histogram::FloatHistogram;
use skopos_core::{Labels, LabelsBuilder};

use super::column::{Column, NOTHING};
use super::{EvalResult, Evaluated, Evaluator, Frame};
use crate::annotation::{Annotation, ForcedMonotonicity};
use crate::ast::{Call, Expr};
use crate::functions::classic::{self, Cumulative, Forced};
use crate::histogram;
use crate::number::format_openmetrics;
use crate::parser::parse_number;
use crate::position::PosRange;

const BUCKET_LABEL: &str = "le";

/// The classic histograms and the columns with native ones among the series of a vector.
struct Split<'a> {
    classic: Vec<Classic<'a>>,
    native: Vec<Native<'a>>,
}

/// The buckets of a classic histogram.
struct Classic<'a> {
    /// With the name, without the bound.
    labels: Labels,
    drop_name: bool,
    buckets: Vec<(f64, &'a Column)>,
}

/// A column with native histograms, and the steps at which a classic one contradicts it.
struct Native<'a> {
    column: &'a Column,
    conflicts: Vec<bool>,
}

/// What is measured of a histogram at a step.
trait Measure {
    fn native(&self, step: usize, histogram: &FloatHistogram, metric: &str) -> (f64, Option<Annotation>);
    fn classic(&self, step: usize, buckets: Vec<Cumulative>) -> (f64, Option<Forced>);
}

struct Quantile<'a>(&'a [f64]);

impl Measure for Quantile<'_> {
    fn native(&self, step: usize, histogram: &FloatHistogram, metric: &str) -> (f64, Option<Annotation>) {
        histogram::quantile(self.0[step], histogram, metric)
    }
    fn classic(&self, step: usize, buckets: Vec<Cumulative>) -> (f64, Option<Forced>) {
        classic::quantile(self.0[step], buckets)
    }
}

struct Fraction<'a> {
    lower: &'a [f64],
    upper: &'a [f64],
}

impl Measure for Fraction<'_> {
    fn native(&self, step: usize, histogram: &FloatHistogram, metric: &str) -> (f64, Option<Annotation>) {
        histogram::fraction(self.lower[step], self.upper[step], histogram, metric)
    }
    fn classic(&self, step: usize, buckets: Vec<Cumulative>) -> (f64, Option<Forced>) {
        (classic::fraction(self.lower[step], self.upper[step], buckets), None)
    }
}

impl Evaluator<'_> {
    /// `histogram_quantile(q, v)`
    pub(super) fn histogram_quantile(&self, call: &Call, frame: Frame) -> EvalResult<Evaluated> {
        let q = self.eval_scalar(&call.args[0], frame)?;
        self.note_quantiles_of(&q, call.args[0].pos());
        let columns = self.eval_vector(&call.args[1], frame)?;
        let pos = call.args[1].pos();
        let split = self.split_histograms(&columns, pos);
        self.finish_measured(self.measured(&split, &Quantile(&q), pos, frame))
    }

    /// `histogram_quantiles(v, label, q, …)`
    pub(super) fn histogram_quantiles(&self, call: &Call, frame: Frame) -> EvalResult<Evaluated> {
        let label = self.eval_text(&call.args[1])?;
        let mut quantiles = Vec::new();
        for arg in &call.args[2..] {
            let q = self.eval_scalar(arg, frame)?;
            self.note_quantiles_of(&q, arg.pos());
            quantiles.push(q);
        }
        let columns = self.eval_vector(&call.args[0], frame)?;
        let pos = call.args[0].pos();
        let split = self.split_histograms(&columns, pos);
        let mut results = Vec::new();
        for q in &quantiles {
            for column in self.measured(&split, &Quantile(q), pos, frame) {
                results.extend(by_quantile(&column, &label, q));
            }
        }
        self.finish_measured(results)
    }

    /// `histogram_fraction(lower, upper, v)`
    pub(super) fn histogram_fraction(&self, call: &Call, frame: Frame) -> EvalResult<Evaluated> {
        let lower = self.eval_scalar(&call.args[0], frame)?;
        let upper = self.eval_scalar(&call.args[1], frame)?;
        let columns = self.eval_vector(&call.args[2], frame)?;
        let pos = call.args[2].pos();
        let split = self.split_histograms(&columns, pos);
        let measure = Fraction {
            lower: &lower,
            upper: &upper,
        };
        self.finish_measured(self.measured(&split, &measure, pos, frame))
    }

    fn note_quantiles_of(&self, q: &[f64], pos: PosRange) {
        for invalid in q.iter().filter(|q| !(0.0..=1.0).contains(*q)) {
            self.note(Annotation::InvalidQuantile(*invalid), pos);
        }
    }

    fn finish_measured(&self, mut columns: Vec<Column>) -> EvalResult<Evaluated> {
        for column in &mut columns {
            self.drop_name(column);
        }
        columns.retain(|column| !column.is_empty());
        self.checked(columns)
    }

    fn shown_name<'a>(&self, labels: &'a Labels) -> &'a str {
        if self.delays_names() { labels.metric_name() } else { "" }
    }

    fn split_histograms<'a>(&self, columns: &'a [Column], pos: PosRange) -> Split<'a> {
        let mut classic: Vec<Classic<'a>> = Vec::new();
        let mut positions: HashMap<Labels, usize> = HashMap::new();
        for column in columns {
            if (0..column.floats.len()).all(|step| column.float(step).is_none()) {
                continue;
            }
            let label = column.labels.get(BUCKET_LABEL);
            let Ok(bound) = parse_number(label) else {
                let metric = self.shown_name(&column.labels).to_owned();
                let label = label.to_owned();
                self.note(Annotation::BadBucketLabel { metric, label }, pos);
                continue;
            };
            let labels = column.labels.without(&[BUCKET_LABEL]);
            let position = *positions.entry(labels).or_insert_with_key(|labels| {
                classic.push(Classic {
                    labels: labels.clone(),
                    drop_name: column.drop_name,
                    buckets: Vec::new(),
                });
                classic.len() - 1
            });
            classic[position].buckets.push((bound, column));
        }
        // Sorted once here, so that what measures them at each step finds them in order.
        for histogram in &mut classic {
            histogram.buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        }
        let natives = columns.iter().filter(|column| !column.histograms.is_empty());
        let native = natives.map(|column| {
            let other = positions.get(&column.labels).map(|position| &classic[*position]);
            self.native(column, other, pos)
        });
        let native = native.collect();
        Split { classic, native }
    }

    /// A native histogram with the steps at which there is a classic one of the same series.
    fn native<'a>(&self, column: &'a Column, classic: Option<&Classic<'_>>, pos: PosRange) -> Native<'a> {
        let conflict = |step: usize| {
            let is_there =
                |classic: &Classic<'_>| classic.buckets.iter().any(|(_, bucket)| bucket.float(step).is_some());
            column.histogram(step).is_some() && classic.is_some_and(is_there)
        };
        let conflicts: Vec<bool> = (0..column.floats.len()).map(conflict).collect();
        if conflicts.contains(&true) {
            let metric = self.shown_name(&column.labels).to_owned();
            self.note(Annotation::MixedClassicNative(metric), pos);
        }
        Native { column, conflicts }
    }

    /// The measure of every histogram; where a native and a classic one contradict, of neither.
    fn measured(&self, split: &Split<'_>, measure: &impl Measure, pos: PosRange, frame: Frame) -> Vec<Column> {
        let natives = split
            .native
            .iter()
            .map(|native| self.measured_native(native, measure, pos));
        let mut results: Vec<Column> = natives.collect();
        for classic in &split.classic {
            let contradicts = |native: &&Native<'_>| native.column.labels == classic.labels;
            let native = split.native.iter().find(contradicts);
            let mut result = Column::empty(classic.labels.clone(), frame.grid.len());
            result.drop_name = classic.drop_name;
            for (step, time_ms) in frame.grid.times().enumerate() {
                let present = classic.buckets.iter();
                let present = present.filter_map(|(bound, column)| Some((*bound, column.float(step)?)));
                let buckets: Vec<Cumulative> = present.collect();
                if buckets.is_empty() || native.is_some_and(|native| native.conflicts[step]) {
                    continue;
                }
                let (value, forced) = measure.classic(step, buckets);
                result.floats[step] = value;
                if let Some(forced) = forced {
                    let metric = self.shown_name(&classic.labels).to_owned();
                    let note = ForcedMonotonicity::new(metric, time_ms, forced);
                    self.note(Annotation::ForcedMonotonicity(note), pos);
                }
            }
            results.push(result);
        }
        results
    }

    fn measured_native(&self, native: &Native<'_>, measure: &impl Measure, pos: PosRange) -> Column {
        let column = native.column;
        let metric = self.shown_name(&column.labels);
        let mut result = Column::empty(column.labels.clone(), column.floats.len());
        for step in (0..column.floats.len()).filter(|step| !native.conflicts[*step]) {
            if let Some(histogram) = column.histogram(step) {
                let (value, note) = measure.native(step, histogram, metric);
                result.floats[step] = value;
                if let Some(note) = note {
                    self.note(note, pos);
                }
            }
        }
        result
    }

    /// Reads one number from each histogram.
    pub(super) fn map_histograms(
        &self,
        arg: &Expr,
        frame: Frame,
        map: impl Fn(&FloatHistogram) -> f64,
    ) -> EvalResult<Evaluated> {
        let mut columns = self.eval_vector(arg, frame)?;
        for column in &mut columns {
            let histograms = std::mem::take(&mut column.histograms);
            column.floats.fill(NOTHING);
            for (slot, histogram) in column.floats.iter_mut().zip(&histograms) {
                if let Some(histogram) = histogram {
                    *slot = map(histogram);
                }
            }
            self.drop_name(column);
        }
        columns.retain(|column| !column.is_empty());
        self.checked(columns)
    }
}

/// The column as one per quantile: it is a label, and may differ from step to step.
fn by_quantile(column: &Column, label: &str, q: &[f64]) -> Vec<Column> {
    let mut results: Vec<(u64, Column)> = Vec::new();
    for step in (0..q.len()).filter(|step| column.has(*step)) {
        let bits = q[step].to_bits();
        let position = results.iter().position(|(other, _)| *other == bits);
        let position = position.unwrap_or_else(|| {
            let labels = LabelsBuilder::from_labels(&column.labels)
                .set(label, &format_openmetrics(q[step]))
                .build();
            let mut result = Column::empty(labels, q.len());
            result.drop_name = column.drop_name;
            results.push((bits, result));
            results.len() - 1
        });
        results[position].1.floats[step] = column.floats[step];
    }
    results.into_iter().map(|(_, column)| column).collect()
}

/// The variance of the observations, each taken to lie in the middle of its bucket.
pub(super) fn variance(histogram: &FloatHistogram) -> f64 {
    let mean = histogram.sum / histogram.count;
    let term = |bucket: &skopos_core::histogram::Bucket| {
        let value = if histogram::is_custom(histogram) {
            f64::midpoint(bucket.upper, bucket.lower)
        } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
            0.0
        } else {
            (bucket.upper * bucket.lower).sqrt().copysign(bucket.upper)
        };
        bucket.count * (value - mean) * (value - mean)
    };
    let buckets = histogram::all_buckets(histogram);
    let filled = buckets.iter().filter(|bucket| bucket.count != 0.0);
    filled.map(term).sum::<f64>() / histogram.count
}
