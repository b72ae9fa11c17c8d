//! Results of LogQL as Loki's JSON, written straight into the answer's bytes.

use serde_json::json;
use skopos_logql::output::{Encoding, MatrixSeries, ResultEntry, StreamGroup, VectorSample};
use skopos_logql::{LogQueryOutput, QueryStats, QueryValue};

use crate::json::{quoted, write_list, write_pairs, write_text};
use crate::number::{write_decimal, write_seconds};

const NS_PER_MS: i64 = 1_000_000;

/// The whole body of a successful query.
pub(super) fn query_body(output: &LogQueryOutput, encoding: Encoding) -> Vec<u8> {
    let mut out = Vec::with_capacity(4096);
    out.extend_from_slice(b"{\"status\":\"success\",");
    if !output.warnings.is_empty() {
        out.extend_from_slice(b"\"warnings\":");
        write_list(&mut out, &output.warnings, |out, text| write_text(out, text));
        out.push(b',');
    }
    out.extend_from_slice(b"\"data\":{\"resultType\":\"");
    out.extend_from_slice(type_name(&output.value).as_bytes());
    out.push(b'"');
    if encoding == Encoding::Categorized && matches!(output.value, QueryValue::Streams(_)) {
        out.extend_from_slice(b",\"encodingFlags\":[\"categorize-labels\"]");
    }
    out.extend_from_slice(b",\"result\":");
    write_result(&mut out, &output.value, encoding);
    out.extend_from_slice(b",\"stats\":");
    out.extend_from_slice(stats_json(&output.stats).as_bytes());
    out.extend_from_slice(b"}}");
    out
}

fn type_name(value: &QueryValue) -> &'static str {
    match value {
        QueryValue::Streams(_) => "streams",
        QueryValue::Matrix(_) => "matrix",
        QueryValue::Vector(_) => "vector",
        QueryValue::Scalar { .. } => "scalar",
    }
}

fn write_result(out: &mut Vec<u8>, value: &QueryValue, encoding: Encoding) {
    match value {
        QueryValue::Streams(streams) => write_list(out, streams.by_stream(encoding), |out, group| {
            write_stream(out, &group, encoding);
        }),
        QueryValue::Matrix(series) => write_list(out, series, write_series),
        QueryValue::Vector(samples) => write_list(out, samples, write_sample),
        QueryValue::Scalar { timestamp_ns, value } => write_point(out, *timestamp_ns, *value),
    }
}

fn write_stream(out: &mut Vec<u8>, group: &StreamGroup<'_>, encoding: Encoding) {
    out.extend_from_slice(b"{\"stream\":");
    write_pairs(out, group.labels.iter());
    out.extend_from_slice(b",\"values\":");
    write_list(out, &group.entries, |out, entry| write_entry(out, entry, encoding));
    out.push(b'}');
}

fn write_entry(out: &mut Vec<u8>, entry: &ResultEntry, encoding: Encoding) {
    out.extend_from_slice(b"[\"");
    out.extend_from_slice(entry.timestamp_ns.to_string().as_bytes());
    out.extend_from_slice(b"\",");
    write_text(out, &entry.line);
    if encoding == Encoding::Categorized {
        out.push(b',');
        write_categories(out, entry);
    }
    out.push(b']');
}

/// Metadata and parsed labels of an entry; a kind without labels is left out.
fn write_categories(out: &mut Vec<u8>, entry: &ResultEntry) {
    let kinds = [
        ("structuredMetadata", &entry.structured_metadata),
        ("parsed", &entry.parsed),
    ];
    let present = kinds.into_iter().filter(|(_, labels)| !labels.is_empty());
    out.push(b'{');
    for (index, (name, labels)) in present.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_text(out, name);
        out.push(b':');
        write_pairs(out, labels.iter());
    }
    out.push(b'}');
}

fn write_series(out: &mut Vec<u8>, series: &MatrixSeries) {
    out.extend_from_slice(b"{\"metric\":");
    write_pairs(out, series.labels.iter());
    out.extend_from_slice(b",\"values\":");
    write_list(out, &series.points, |out, (time_ns, value)| {
        write_point(out, *time_ns, *value);
    });
    out.push(b'}');
}

fn write_sample(out: &mut Vec<u8>, sample: &VectorSample) {
    out.extend_from_slice(b"{\"metric\":");
    write_pairs(out, sample.labels.iter());
    out.extend_from_slice(b",\"value\":");
    write_point(out, sample.timestamp_ns, sample.value);
    out.push(b'}');
}

fn write_point(out: &mut Vec<u8>, timestamp_ns: i64, value: f64) {
    out.push(b'[');
    write_seconds(out, timestamp_ns.div_euclid(NS_PER_MS));
    out.push(b',');
    quoted(out, |out| write_decimal(out, value));
    out.push(b']');
}

/// The statistics that Grafana shows, in the places where it looks for them.
fn stats_json(stats: &QueryStats) -> String {
    let seconds = stats.exec_time_ns as f64 / 1e9;
    let per_second = |count: u64| {
        if seconds > 0.0 {
            (count as f64 / seconds) as u64
        } else {
            0
        }
    };
    json!({
        "summary": {
            "bytesProcessedPerSecond": per_second(stats.total_bytes_processed),
            "linesProcessedPerSecond": per_second(stats.total_lines_processed),
            "totalBytesProcessed": stats.total_bytes_processed,
            "totalLinesProcessed": stats.total_lines_processed,
            "execTime": seconds,
            "queueTime": 0,
            "subqueries": 0,
            "totalEntriesReturned": stats.total_entries_returned,
            "splits": 0,
            "shards": 0,
            "totalPostFilterLines": stats.total_post_filter_lines,
        },
        "querier": { "store": { "totalChunksRef": 0, "totalChunksDownloaded": 0 } },
        "ingester": { "totalReached": 1, "totalLinesSent": stats.total_post_filter_lines },
        "cache": {},
        "index": {},
    })
    .to_string()
}

#[cfg(test)]
mod tests;
