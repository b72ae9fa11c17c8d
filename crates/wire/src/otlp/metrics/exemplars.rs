//! Exemplars of data points: trace and span as labels, beside the attributes that the metric's
//! view left out.

use opentelemetry_proto::tonic::metrics::v1::Exemplar as SentExemplar;
use opentelemetry_proto::tonic::metrics::v1::exemplar::Value;
use skopos_core::Labels;
use skopos_core::metric::Exemplar;

use super::labels::text_of;

/// Longest label set of an exemplar, in characters (OpenMetrics 1.0, "Exemplars").
const MAX_CHARS: usize = 128;
const NS_PER_MS: u64 = 1_000_000;

/// The exemplars that have a value. The filtered attributes of one are left out where all its
/// labels together are longer than allowed.
pub(super) fn exemplars(sent: &[SentExemplar]) -> Vec<Exemplar> {
    sent.iter().filter_map(exemplar).collect()
}

fn exemplar(sent: &SentExemplar) -> Option<Exemplar> {
    let value = match sent.value? {
        Value::AsDouble(value) => value,
        Value::AsInt(value) => value as f64,
    };
    let mut ids: Vec<(&str, String)> = Vec::with_capacity(2);
    for (name, id) in [("trace_id", &sent.trace_id), ("span_id", &sent.span_id)] {
        if id.iter().any(|byte| *byte != 0) {
            ids.push((name, hex::encode(id)));
        }
    }
    let chars = |text: &str| text.chars().count();
    let mut length: usize = ids.iter().map(|(name, id)| chars(name) + id.len()).sum();
    let mut pairs: Vec<(&str, std::borrow::Cow<'_, str>)> = Vec::new();
    for pair in &sent.filtered_attributes {
        let text = text_of(pair.value.as_ref());
        length += chars(&pair.key) + chars(&text);
        pairs.push((&pair.key, text));
    }
    if length > MAX_CHARS {
        pairs.clear();
    }
    pairs.extend(ids.iter().map(|(name, id)| (*name, id.as_str().into())));
    Some(Exemplar {
        labels: Labels::from_pairs(pairs),
        timestamp_ms: (sent.time_unix_nano / NS_PER_MS) as i64,
        value,
    })
}
