//! `histogram_quantile` over classic and native histograms.

use hashbrown::HashMap;
use skopos_core::Labels;

use super::column::Column;
use super::{EvalResult, Evaluated, Evaluator, Frame};
use crate::annotation::Annotation;
use crate::ast::Expr;
use crate::histogram;
use crate::parser::parse_number;
use crate::position::PosRange;

const BUCKET_LABEL: &str = "le";
/// Relative difference of two counts that is taken for lost precision.
const TOLERANCE: f64 = 1e-12;

impl Evaluator<'_> {
    pub(crate) fn histogram_quantile(
        &self,
        arg: &Expr,
        q_pos: PosRange,
        q: &[f64],
        frame: Frame,
    ) -> EvalResult<Evaluated> {
        if let Some(invalid) = q.iter().find(|q| !(0.0..=1.0).contains(*q)) {
            self.note(Annotation::InvalidQuantile(*invalid), q_pos);
        }
        let columns = self.eval_vector(arg, frame)?;
        let mut groups: HashMap<Labels, Vec<(f64, &Column)>> = HashMap::new();
        let mut order = Vec::new();
        let mut results = Vec::new();
        for column in &columns {
            if let Some(result) = self.native_quantiles(column, q, q_pos) {
                results.push(result);
            }
            if (0..q.len()).all(|step| column.float(step).is_none()) {
                continue;
            }
            let Ok(bound) = parse_number(column.labels.get(BUCKET_LABEL)) else {
                let label = column.labels.get(BUCKET_LABEL).to_owned();
                let metric = self.shown_name(column);
                self.note(Annotation::BadBucketLabel { metric, label }, arg.pos());
                continue;
            };
            let labels = column.labels.without(&[BUCKET_LABEL]);
            let group = groups.entry(labels.clone()).or_default();
            if group.is_empty() {
                order.push(labels);
            }
            group.push((bound, column));
        }
        for labels in order {
            let mut buckets = groups.remove(&labels).unwrap_or_default();
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            results.push(self.classic_quantiles(labels, &buckets, q, arg.pos()));
        }
        for column in &mut results {
            self.drop_name(column);
        }
        results.retain(|column| !column.is_empty());
        self.checked(results)
    }

    fn shown_name(&self, column: &Column) -> String {
        if self.delays_names() {
            column.labels.metric_name().to_owned()
        } else {
            String::new()
        }
    }

    fn native_quantiles(&self, column: &Column, q: &[f64], pos: PosRange) -> Option<Column> {
        let mut result = Column::empty(column.labels.clone(), q.len());
        let name = self.shown_name(column);
        for (step, q) in q.iter().enumerate() {
            if let Some(sample) = column.histogram(step) {
                let (value, note) = histogram::quantile(*q, sample, &name);
                result.floats[step] = value;
                if let Some(note) = note {
                    self.note(note, pos);
                }
            }
        }
        Some(result).filter(|_| !column.histograms.is_empty())
    }

    fn classic_quantiles(&self, labels: Labels, buckets: &[(f64, &Column)], q: &[f64], pos: PosRange) -> Column {
        let mut result = Column::empty(labels, q.len());
        for (step, q) in q.iter().enumerate() {
            let present = buckets
                .iter()
                .filter_map(|(bound, column)| Some((*bound, column.float(step)?)));
            let present: Vec<(f64, f64)> = present.collect();
            if present.is_empty() {
                continue;
            }
            let (value, forced) = bucket_quantile(*q, present);
            result.floats[step] = value;
            if forced {
                let metric = self.shown_name(&result);
                self.note(Annotation::ForcedMonotonicity { metric }, pos);
            }
        }
        result
    }
}

/// The quantile of cumulative buckets in rising order, and whether their counts had to be fixed.
fn bucket_quantile(q: f64, buckets: Vec<(f64, f64)>) -> (f64, bool) {
    if q.is_nan() {
        return (f64::NAN, false);
    }
    if !(0.0..=1.0).contains(&q) {
        return (f64::INFINITY.copysign(q), false);
    }
    let mut merged: Vec<(f64, f64)> = Vec::with_capacity(buckets.len());
    for (bound, count) in buckets {
        match merged.last_mut() {
            Some(last) if last.0 == bound => last.1 += count,
            _ => merged.push((bound, count)),
        }
    }
    let mut forced = false;
    for at in 1..merged.len() {
        let (previous, current) = (merged[at - 1].1, merged[at].1);
        if (current - previous).abs() / current <= TOLERANCE {
            merged[at].1 = previous;
        } else if current < previous {
            merged[at].1 = previous;
            forced = true;
        }
    }
    let last = merged.len() - 1;
    let observations = merged[last].1;
    if merged[last].0 != f64::INFINITY || merged.len() < 2 || observations == 0.0 || observations.is_nan() {
        return (f64::NAN, false);
    }
    let mut rank = q * observations;
    let at = merged[..last].partition_point(|(_, count)| *count < rank);
    if at == last {
        return (merged[last - 1].0, forced);
    }
    let (end, mut count) = merged[at];
    if at == 0 && end <= 0.0 {
        return (end, forced);
    }
    let mut start = 0.0;
    if at > 0 {
        start = merged[at - 1].0;
        count -= merged[at - 1].1;
        rank -= merged[at - 1].1;
    }
    (start + (end - start) * (rank / count), forced)
}
