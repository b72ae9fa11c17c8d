//! Checks entries against a tenant's limits, refusing in Loki's words.

use skopos_core::Labels;
use skopos_core::limits::Limits;
use skopos_core::log::{LogEntry, StreamBatch};
use skopos_core::metric::AppendReport;

/// Most bytes of an entry's structured metadata.
const MAX_METADATA_BYTES: usize = 64 * 1024;
/// Most pairs of an entry's structured metadata.
const MAX_METADATA_PAIRS: usize = 128;
/// A label that does not count for the number of labels.
const SERVICE_NAME: &str = "service_name";

/// Why something is refused: a name for metrics and a text for the sender.
pub(crate) type Refused = (&'static str, String);

/// Refuses all entries of a stream.
pub(crate) fn refuse_stream(stream: &StreamBatch, refused: &Refused, report: &mut AppendReport) {
    for _ in &stream.entries {
        report.refuse(refused.0, || refused.1.clone());
    }
}

/// Why the stream as a whole is refused, if it is.
pub(crate) fn stream(labels: &Labels, limits: &Limits) -> Option<Refused> {
    if labels.is_empty() {
        let text = "error at least one label pair is required per stream";
        return Some(("missing_labels", text.to_owned()));
    }
    let names = labels.iter().filter(|(name, _)| *name != SERVICE_NAME).count();
    let most = limits.max_label_names_per_series;
    if most > 0 && names > most {
        let text = format!("entry for stream '{labels}' has {names} label names; limit {most}");
        return Some(("max_label_names_per_series", text));
    }
    labels
        .iter()
        .find_map(|(name, value)| label(labels, name, value, limits))
}

fn label(labels: &Labels, name: &str, value: &str, limits: &Limits) -> Option<Refused> {
    let exceeds = |length: usize, limit: usize| limit > 0 && length > limit;
    if exceeds(name.len(), limits.max_label_name_length) {
        let text = format!("stream '{labels}' has label name too long: '{name}'");
        return Some(("label_name_too_long", text));
    }
    if exceeds(value.len(), limits.max_label_value_length) {
        let text = format!("stream '{labels}' has label value too long: '{value}'");
        return Some(("label_value_too_long", text));
    }
    None
}

/// Why a new stream is refused when there are `streams` already, if it is.
pub(crate) fn new_stream(labels: &Labels, streams: usize, tenant: &str, limits: &Limits) -> Option<Refused> {
    let most = limits.max_global_streams_per_user;
    (most > 0 && streams >= most).then(|| {
        let text = format!(
            "maximum active stream limit exceeded when trying to create stream {labels}, reduce the number of active streams (reduce labels or reduce label values), or contact your Loki administrator to see if the limit can be increased, user: '{tenant}'"
        );
        ("stream_limit", text)
    })
}

/// Why an entry is refused, if it is.
pub(crate) fn entry(labels: &Labels, entry: &LogEntry, limits: &Limits) -> Option<Refused> {
    let (length, most) = (entry.line.len(), limits.max_line_size);
    if most > 0 && length > most {
        let text = format!(
            "max entry size '{most}' bytes exceeded for stream '{labels}' while adding an entry with length '{length}' bytes"
        );
        return Some(("line_too_long", text));
    }
    let metadata = &entry.structured_metadata;
    if metadata.encoded().len() > MAX_METADATA_BYTES {
        let text = format!(
            "stream '{labels}' has structured metadata too large: '{}' bytes, limit: '{MAX_METADATA_BYTES}' bytes. Please see limits_config.max_structured_metadata_size",
            metadata.encoded().len()
        );
        return Some(("structured_metadata_too_large", text));
    }
    if metadata.len() > MAX_METADATA_PAIRS {
        let text = format!(
            "stream '{labels}' has too many structured metadata labels: '{}', limit: '{MAX_METADATA_PAIRS}'. Please see limits_config.max_structured_metadata_entries_count",
            metadata.len()
        );
        return Some(("structured_metadata_too_many", text));
    }
    None
}
