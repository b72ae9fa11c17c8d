//! `load_with_nhcb`: native histograms with custom buckets built from classic ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use skopos_core::histogram::{BUCKET_LABEL, ClassicError, ClassicHistogram, ClassicPart};
use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::MetricValue;
use skopos_core::{Labels, LabelsBuilder};

use super::script::Loaded;

/// The histograms that the classic series among `loaded` make.
pub(super) fn histograms(loaded: &[Loaded]) -> Result<Vec<Loaded>, String> {
    let mut all: BTreeMap<Labels, BTreeMap<usize, ClassicHistogram>> = BTreeMap::new();
    for series in loaded {
        collect(series, &mut all);
    }
    let mut made = Vec::new();
    for (labels, steps) in all {
        let length = steps.keys().next_back().map_or(0, |step| step + 1);
        let mut values = vec![None; length];
        for (step, classic) in steps {
            match classic.convert() {
                Ok(histogram) => values[step] = Some(MetricValue::Histogram(Arc::new(histogram))),
                Err(ClassicError::Empty) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        made.push(Loaded {
            labels,
            values,
            starts_ms: Vec::new(),
        });
    }
    Ok(made)
}

fn collect(series: &Loaded, all: &mut BTreeMap<Labels, BTreeMap<usize, ClassicHistogram>>) {
    let bound = series.labels.get(BUCKET_LABEL).parse().ok();
    let Some((base, Some(part))) = ClassicPart::of_series(series.labels.metric_name(), bound) else {
        return;
    };
    let labels = LabelsBuilder::from_labels(&series.labels.without(&[BUCKET_LABEL]))
        .set(METRIC_NAME, base)
        .build();
    let steps = all.entry(labels).or_default();
    for (step, value) in series.values.iter().enumerate() {
        if let Some(MetricValue::Float(value)) = value {
            steps.entry(step).or_default().set(part, *value);
        }
    }
}
