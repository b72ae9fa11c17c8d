//! Protobuf bodies, native histograms, and `_created` lines.

use super::*;

/// A protobuf field of the wire type 2: a text or a message.
pub(super) fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    assert!(content.len() < 128, "one byte of length is enough");
    out.push(content.len() as u8);
    out.extend_from_slice(content);
    out
}

pub(super) fn varint(number: u8, value: u8) -> Vec<u8> {
    assert!(value < 128 && number < 16);
    vec![number << 3, value]
}

pub(super) fn double(number: u8, value: f64) -> Vec<u8> {
    let mut out = vec![number << 3 | 1];
    out.extend_from_slice(&value.to_le_bytes());
    out
}

pub(super) fn time(number: u8, seconds: u8) -> Vec<u8> {
    field(number, &varint(1, seconds))
}

/// A family of one metric with the label `a="b"`, preceded by its length.
pub(super) fn family(name: &str, kind: u8, metric: &[u8]) -> Vec<u8> {
    let label = field(1, &[field(1, b"a"), field(2, b"b")].concat());
    let metric = field(4, &[label, metric.to_vec()].concat());
    let message = [field(1, name.as_bytes()), field(2, b"Help."), varint(3, kind), metric].concat();
    assert!(message.len() < 128);
    let mut out = vec![message.len() as u8];
    out.extend(message);
    out
}

fn counter(value: f64, created: u8) -> Vec<u8> {
    family("c_total", 0, &field(3, &[double(1, value), time(3, created)].concat()))
}

/// Two observations in the buckets 1 and 2 of schema 0, and a classic bucket.
fn histogram() -> Vec<u8> {
    let span = field(12, &[varint(1, 2), varint(2, 2)].concat());
    let bucket = field(3, &[varint(1, 1), double(2, 2.0)].concat());
    let deltas = [varint(13, 2), varint(13, 0)].concat();
    let message = [varint(1, 2), double(2, 5.0), bucket, span, deltas].concat();
    family("h", 4, &field(7, &message))
}

pub(super) fn protobuf(ingester: &mut Ingester, body: &[u8], scrape_ms: i64) -> Result<Ingested, IngestError> {
    let mut ingested = Ingested::default();
    ingester.ingest(body, BodyFormat::Protobuf, scrape_ms, &mut ingested)?;
    Ok(unpacked(ingested))
}

pub(super) fn openmetrics(ingester: &mut Ingester, body: &str, scrape_ms: i64) -> Ingested {
    let mut ingested = Ingested::default();
    ingester
        .ingest(
            body.as_bytes(),
            BodyFormat::Text(Format::OpenMetrics),
            scrape_ms,
            &mut ingested,
        )
        .expect("good");
    unpacked(ingested)
}

const COUNTER: &str = r#"{__name__="c_total", a="b", instance="i", job="j"}"#;

#[test]
fn protobuf_is_ingested_like_text() {
    let mut target = ingester("");
    let first = protobuf(&mut target, &counter(3.0, 1), 5000).expect("good");
    assert_eq!(shown(&first), [format!("{COUNTER} 3")]);
    assert_eq!((first.scraped, first.series_added), (1, 1));
    assert_eq!(first.batch.metadata[0].metric_type, MetricType::Counter);
    let again = protobuf(&mut target, &counter(4.0, 1), 6000).expect("good");
    assert_eq!((shown(&again), again.series_added), (vec![format!("{COUNTER} 4")], 0));
    let gone = protobuf(&mut target, b"", 7000).expect("an empty body is good");
    assert_eq!(shown(&gone), [format!("{COUNTER} stale")]);
    let broken = protobuf(&mut target, &[9, 1], 8000).expect_err("broken");
    assert_eq!(broken.to_string(), "invalid protobuf: unexpected end of the message");
}

#[test]
fn native_histograms_are_taken_where_they_are_wanted() {
    let names = |job: &str| -> Vec<String> {
        let ingested = protobuf(&mut ingester(job), &histogram(), 1000).expect("good");
        let series = ingested.batch.series.iter();
        series
            .map(|series| format!("{}{}", series.labels.metric_name(), series.labels.get("le")))
            .collect()
    };
    let classic = ["h_count", "h_sum", "h_bucket2.0", "h_bucket+Inf"];
    assert_eq!(names(""), classic);
    assert_eq!(names("scrape_native_histograms: true"), ["h"]);
    let mut both = names(
        "{scrape_native_histograms: true, always_scrape_classic_histograms: true}"
            .trim_matches(['{', '}'])
            .replace(", ", "\n")
            .as_str(),
    );
    assert_eq!(both.pop().as_deref(), Some("h"), "floats are stored first");
    assert_eq!(both, classic);
}

#[test]
fn native_histograms_are_brought_below_their_limits() {
    for (more, schema, buckets) in [
        ("", 0, 2),
        ("native_histogram_bucket_limit: 1", -1, 1),
        ("native_histogram_min_bucket_factor: 4", -1, 1),
    ] {
        let mut target = ingester(&format!("scrape_native_histograms: true\n{more}"));
        let ingested = protobuf(&mut target, &histogram(), 1000).expect("good");
        let MetricValue::Histogram(histogram) = &ingested.batch.series[0].samples[0].value else {
            panic!("a native histogram was sent")
        };
        assert_eq!(
            (histogram.schema, histogram.positive_buckets.len()),
            (schema, buckets),
            "{more}"
        );
    }
}

#[test]
fn a_beginning_is_a_zero_once() {
    let mut target = ingester_with("", CreatedZeros::On);
    let zeros = |ingested: &Ingested| -> Vec<(String, i64)> {
        let series = ingested.zeros.series.iter();
        series
            .map(|series| (series.labels.metric_name().to_owned(), series.samples[0].timestamp_ms))
            .collect()
    };
    let wanted = |ms: i64| vec![("c_total".to_owned(), ms)];
    assert_eq!(
        zeros(&protobuf(&mut target, &counter(1.0, 2), 5000).expect("good")),
        wanted(2000)
    );
    assert_eq!(zeros(&protobuf(&mut target, &counter(2.0, 2), 6000).expect("good")), []);
    assert_eq!(
        zeros(&protobuf(&mut target, &counter(1.0, 6), 7000).expect("good")),
        wanted(6000)
    );
    assert_eq!(
        zeros(&protobuf(&mut target, &counter(1.0, 9), 8000).expect("good")),
        [],
        "not before the sample"
    );
    let mut off = ingester("");
    assert_eq!(zeros(&protobuf(&mut off, &counter(1.0, 2), 5000).expect("good")), []);
}

#[test]
fn created_lines_are_times_where_that_is_asked_for() {
    let body = "# TYPE c counter\nc_total{a=\"b\"} 3\nc_created{a=\"b\"} 1.5\n# TYPE h histogram\n\
                h_bucket{le=\"+Inf\"} 1\nh_count 1\nh_sum 2\nh_created 2\n# TYPE g gauge\ng_created 3\n# EOF\n";
    let mut on = ingester_with("", CreatedZeros::On);
    let ingested = openmetrics(&mut on, body, 5000);
    let mut begun: Vec<(String, i64)> = ingested
        .zeros
        .series
        .iter()
        .map(|series| (series.labels.metric_name().to_owned(), series.samples[0].timestamp_ms))
        .collect();
    begun.sort();
    let wanted = [
        ("c_total", 1500),
        ("h_bucket", 2000),
        ("h_count", 2000),
        ("h_sum", 2000),
    ];
    assert_eq!(begun, wanted.map(|(name, ms)| (name.to_owned(), ms)));
    let names = |ingested: &Ingested| -> Vec<String> {
        let created = ingested
            .batch
            .series
            .iter()
            .map(|series| series.labels.metric_name().to_owned());
        created.filter(|name| name.ends_with("_created")).collect()
    };
    assert_eq!(names(&ingested), ["g_created"], "a gauge may have such a name");
    let off = openmetrics(&mut ingester(""), body, 5000);
    assert_eq!(names(&off), ["c_created", "h_created", "g_created"]);
    assert_eq!(off.zeros, MetricBatch::default());
}
