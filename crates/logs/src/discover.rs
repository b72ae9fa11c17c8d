//! What Loki's distributor adds to entries on their way in: the stream label `service_name` and
//! the structured metadata `detected_level`. Doors call [`enrich`] before they append; the store
//! itself changes nothing.

mod json;
mod logfmt;
mod text;

use skopos_core::log::{LogBatch, LogEntry};
use skopos_core::{Labels, LabelsBuilder};

/// The stream label that names the service.
pub const SERVICE_NAME: &str = "service_name";
/// Its value where no label tells it.
pub const UNKNOWN_SERVICE: &str = "unknown_service";
/// The metadata that carries the level.
pub const DETECTED_LEVEL: &str = "detected_level";
/// OTLP's severity as a number, in the metadata.
const SEVERITY_NUMBER: &str = "severity_number";
const UNKNOWN: &str = "unknown";
/// How deep in a JSON line a level is looked for.
const MAX_JSON_DEPTH: usize = 2;

/// Labels that tell the service's name, strongest first.
const SERVICE_LABELS: [&str; 13] = [
    "service",
    "app",
    "application",
    "app_name",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "k8s_container_name",
    "component",
    "workload",
    "job",
    "k8s_job_name",
];

/// Names of labels and fields that carry a level.
pub const LEVEL_FIELDS: [&str; 9] = [
    "level", "LEVEL", "Level", "severity", "SEVERITY", "Severity", "lvl", "LVL", "Lvl",
];

/// Which enrichments to make.
#[derive(Debug, Clone)]
pub struct DiscoverOptions {
    /// Add `service_name` where a stream has none.
    pub service_name: bool,
    /// Add `detected_level` to each entry.
    pub detected_level: bool,
    /// Names of labels and fields that carry a level.
    pub level_fields: Vec<String>,
}

impl Default for DiscoverOptions {
    fn default() -> Self {
        Self {
            service_name: true,
            detected_level: true,
            level_fields: LEVEL_FIELDS.map(str::to_owned).to_vec(),
        }
    }
}

/// Enriches a batch.
pub fn enrich(batch: &mut LogBatch, options: &DiscoverOptions) {
    for stream in &mut batch.streams {
        if options.detected_level {
            for entry in &mut stream.entries {
                let level = detect_level(&stream.labels, entry, &options.level_fields);
                entry.structured_metadata = with_label(&entry.structured_metadata, DETECTED_LEVEL, &level);
            }
        }
        if options.service_name {
            stream.labels = with_service_name(&stream.labels);
        }
    }
}

/// The labels with `service_name`. A stream without labels is left for the store to refuse.
pub fn with_service_name(labels: &Labels) -> Labels {
    if labels.is_empty() || labels.find(SERVICE_NAME).is_some() {
        return labels.clone();
    }
    let known = SERVICE_LABELS.iter().find_map(|name| labels.find(name));
    with_label(labels, SERVICE_NAME, known.unwrap_or(UNKNOWN_SERVICE))
}

fn with_label(labels: &Labels, name: &str, value: &str) -> Labels {
    if labels.find(name) == Some(value) {
        return labels.clone();
    }
    LabelsBuilder::from_labels(labels).set(name, value).build()
}

/// The level of an entry: what metadata or labels say, else OTLP's severity, else what the line
/// says, else `unknown`.
pub fn detect_level(stream: &Labels, entry: &LogEntry, level_fields: &[String]) -> String {
    let metadata = &entry.structured_metadata;
    let told = metadata
        .find(DETECTED_LEVEL)
        .or_else(|| level_fields.iter().find_map(|name| stream.find(name)))
        .or_else(|| level_fields.iter().find_map(|name| metadata.find(name)));
    if let Some(told) = told {
        return normalise(told).map_or_else(|| told.to_owned(), str::to_owned);
    }
    if let Some(number) = metadata.find(SEVERITY_NUMBER) {
        return level_of_severity(number).to_owned();
    }
    level_of_line(&entry.line, level_fields).to_owned()
}

/// The level that OTLP's severity number stands for.
pub fn level_of_severity(number: &str) -> &'static str {
    match number.parse::<i64>() {
        Err(_) => "info",
        Ok(1..=4) => "trace",
        Ok(5..=8) => "debug",
        Ok(9..=12) => "info",
        Ok(13..=16) => "warn",
        Ok(17..=20) => "error",
        Ok(21..=24) => "fatal",
        Ok(_) => UNKNOWN,
    }
}

/// The level that a line tells: by a field if it is JSON or logfmt, else by its first level word.
pub fn level_of_line(line: &str, level_fields: &[String]) -> &'static str {
    let trimmed = line.trim();
    let field = if trimmed.starts_with('{') && trimmed.ends_with('}') {
        level_in_json(trimmed, level_fields, Some(MAX_JSON_DEPTH))
    } else if trimmed.contains('=') {
        logfmt::find(trimmed, level_fields).map(str::to_owned)
    } else {
        None
    };
    field
        .and_then(|value| normalise(&value))
        .or_else(|| text::first_level(line))
        .unwrap_or(UNKNOWN)
}

/// The first level word of a text, or `unknown`.
pub fn level_in_text(line: &str) -> &'static str {
    text::first_level(line).unwrap_or(UNKNOWN)
}

/// The text of the first of `fields` in a JSON object, nested objects down to `max_depth`
/// included.
pub fn level_in_json(line: &str, fields: &[String], max_depth: Option<usize>) -> Option<String> {
    json::find(line, fields, max_depth)
}

/// The level that a word means.
fn normalise(word: &str) -> Option<&'static str> {
    const WORDS: [(&str, &str); 14] = [
        ("trace", "trace"),
        ("trc", "trace"),
        ("debug", "debug"),
        ("dbg", "debug"),
        ("info", "info"),
        ("inf", "info"),
        ("information", "info"),
        ("warn", "warn"),
        ("wrn", "warn"),
        ("warning", "warn"),
        ("error", "error"),
        ("err", "error"),
        ("critical", "critical"),
        ("fatal", "fatal"),
    ];
    let known = WORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
    known.map(|(_, level)| *level)
}

#[cfg(test)]
mod tests {
    use skopos_core::log::StreamBatch;

    use super::*;

    fn entry(line: &str, metadata: &[(&str, &str)]) -> LogEntry {
        LogEntry {
            timestamp_ns: 1,
            line: line.to_owned(),
            structured_metadata: Labels::from_pairs(metadata.iter().copied()),
        }
    }

    #[test]
    fn services_are_named_by_the_strongest_label() {
        let named = |pairs: &[(&str, &str)]| {
            let labels = with_service_name(&Labels::from_pairs(pairs.iter().copied()));
            labels.get(SERVICE_NAME).to_owned()
        };
        assert_eq!(named(&[("job", "j"), ("app", "a")]), "a");
        assert_eq!(named(&[("zone", "z")]), UNKNOWN_SERVICE);
        assert_eq!(named(&[("service_name", "s"), ("app", "a")]), "s");
        assert_eq!(named(&[]), "");
    }

    #[test]
    fn levels_come_from_the_strongest_source() {
        let fields = DiscoverOptions::default().level_fields;
        let level = |stream: &[(&str, &str)], metadata: &[(&str, &str)], line: &str| {
            detect_level(
                &Labels::from_pairs(stream.iter().copied()),
                &entry(line, metadata),
                &fields,
            )
        };
        assert_eq!(
            level(&[("level", "WARNING")], &[("detected_level", "Inf")], "error"),
            "info"
        );
        assert_eq!(level(&[("level", "WARNING")], &[("severity", "err")], "error"), "warn");
        assert_eq!(level(&[], &[("severity", "notice")], "error"), "notice");
        assert_eq!(level(&[], &[("severity_number", "17")], "info"), "error");
        assert_eq!(level(&[], &[("severity_number", "x")], ""), "info");
        assert_eq!(level(&[], &[], "level=nope all fine"), "unknown");
    }

    #[test]
    fn batches_are_enriched() {
        let mut batch = LogBatch {
            streams: vec![StreamBatch {
                labels: Labels::from_pairs([("job", "gateway")]),
                entries: vec![entry(r#"{"level":"ERROR"}"#, &[("trace_id", "ab")])],
            }],
        };
        enrich(&mut batch, &DiscoverOptions::default());
        let stream = &batch.streams[0];
        assert_eq!(stream.labels.to_string(), r#"{job="gateway", service_name="gateway"}"#);
        let metadata = &stream.entries[0].structured_metadata;
        assert_eq!(metadata.to_string(), r#"{detected_level="error", trace_id="ab"}"#);
    }
}
