//! `convert_classic_histograms_to_nhcb`: what is stored, counted, tracked and limited.

use skopos_core::histogram::CounterResetHint;

use super::formats::{double, family, field, openmetrics, protobuf, time, varint};
use super::*;

const CONVERT: &str = "convert_classic_histograms_to_nhcb: true\n";
const KEEP: &str = "convert_classic_histograms_to_nhcb: true\nalways_scrape_classic_histograms: true\n";
const BODY: &str =
    "# HELP h Seconds.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 3\nh_sum 4\nh_count 3\n";

/// Names, and `le`, in the order they are stored.
fn names(ingested: &Ingested) -> Vec<String> {
    let series = ingested.batch.series.iter();
    series
        .map(|series| format!("{}{}", series.labels.metric_name(), series.labels.get("le")))
        .collect()
}

fn histogram(ingested: &Ingested) -> &FloatHistogram {
    let mut values = ingested
        .batch
        .series
        .iter()
        .flat_map(|series| &series.samples)
        .filter_map(|sample| match &sample.value {
            MetricValue::Histogram(histogram) => Some(&**histogram),
            MetricValue::Float(_) => None,
        });
    values.next_back().expect("a histogram was stored")
}

#[test]
fn a_histogram_takes_the_place_of_its_lines() {
    let mut target = ingester(CONVERT);
    let first = scrape(&mut target, &format!("{BODY}up_too 1\n"), 1000).expect("good");
    assert_eq!(names(&first), ["up_too", "h"], "floats are stored first");
    assert_eq!((first.scraped, first.after_relabeling, first.series_added), (2, 2, 2));
    let stored = histogram(&first);
    assert_eq!((stored.count, stored.sum), (3.0, 4.0));
    assert_eq!(
        (&stored.custom_values[..], &stored.positive_buckets[..]),
        (&[1.0][..], &[2.0, 1.0][..])
    );
    let labels = &first.batch.series[1].labels;
    assert_eq!((labels.get("job"), labels.get("instance")), ("j", "i"));
    let described = &first.batch.metadata[0];
    assert_eq!(
        (described.metric.as_str(), described.metric_type),
        ("h", MetricType::Histogram)
    );
    assert_eq!(described.help, "Seconds.");

    let again = scrape(&mut target, BODY, 2000).expect("good");
    assert_eq!(again.series_added, 0, "the cache knows it");
    assert_eq!(names(&again), ["h", "up_too"], "the other one ended");
    let gone = scrape(&mut target, "up_too 1\n", 3000).expect("good");
    assert_eq!(
        shown(&gone),
        [
            r#"{__name__="h", instance="i", job="j"} stale"#,
            r#"{__name__="up_too", instance="i", job="j"} 1"#
        ]
    );
}

#[test]
fn lines_are_kept_where_classic_histograms_always_are() {
    let both = scrape(&mut ingester(KEEP), BODY, 1000).expect("good");
    assert_eq!(names(&both), ["h_bucket1.0", "h_bucket+Inf", "h_sum", "h_count", "h"]);
    assert_eq!(both.scraped, 5);
}

#[test]
fn rules_and_limits_are_applied_to_the_histogram() {
    let dropped = scrape(
        &mut ingester(&format!(
            "{CONVERT}metric_relabel_configs: [{{source_labels: [__name__], regex: h, action: drop}}]\n"
        )),
        BODY,
        1000,
    )
    .expect("good");
    assert_eq!(
        (dropped.scraped, dropped.after_relabeling, names(&dropped).len()),
        (1, 0, 0)
    );

    let limited = |more: &str| scrape(&mut ingester(&format!("{CONVERT}{more}\n")), BODY, 1000).map(|_| ());
    assert_eq!(limited("sample_limit: 1"), Ok(()), "four lines are one sample");
    assert_eq!(limited("native_histogram_bucket_limit: 2"), Ok(()));
    assert_eq!(
        limited("native_histogram_bucket_limit: 1"),
        Err(IngestError::BucketLimit { limit: 1 }),
        "bounds of its own cannot be made coarser"
    );
}

#[test]
fn broken_histograms_are_counted_and_the_rest_is_stored() {
    let body = "# TYPE h histogram\nh_bucket{le=\"1\"} 5\nh_bucket{le=\"2\"} 4\nh_count 5\n# TYPE g gauge\ng 1\n";
    let ingested = scrape(&mut ingester(CONVERT), body, 1000).expect("the scrape is good");
    assert_eq!(
        (names(&ingested), ingested.unconverted, ingested.scraped),
        (vec!["g".to_owned()], 1, 1)
    );
    let kept = scrape(&mut ingester(KEEP), body, 1000).expect("good");
    assert_eq!((names(&kept).len(), kept.unconverted), (4, 1));
}

#[test]
fn timed_exemplars_and_beginnings_go_with_the_histogram() {
    let body = "# TYPE h histogram\nh_bucket{le=\"1.0\"} 2 # {t=\"a\"} 0.5 3\nh_bucket{le=\"+Inf\"} 3 # {t=\"b\"} 2\n\
                h_sum 4\nh_count 3\nh_created 2\n# EOF\n";
    let config = ScrapeConfig::parse(&format!("job_name: j\n{CONVERT}")).expect("good");
    let rules = IngestRules::new(&config, CreatedZeros::On).expect("good");
    let mut target = Ingester::new(Labels::default(), Arc::new(rules), Vec::new());
    let ingested = openmetrics(&mut target, body, 5000);
    assert_eq!(names(&ingested), ["h"]);
    let series = &ingested.batch.series[0];
    assert_eq!(series.start_timestamps_ms, [2000]);
    let times: Vec<i64> = series.exemplars.iter().map(|exemplar| exemplar.timestamp_ms).collect();
    assert_eq!(times, [3000]);
    let zero = &ingested.zeros.series[0].samples[0];
    let MetricValue::Histogram(empty) = &zero.value else {
        panic!("a histogram begins with an empty one")
    };
    assert_eq!(
        (zero.timestamp_ms, empty.count, &empty.custom_values[..]),
        (2000, 0.0, &[1.0][..])
    );
}

/// Two observations up to 2, one above; with `native`, buckets of schema 0 too.
fn message(kind: u8, native: &[u8]) -> Vec<u8> {
    let bucket = field(3, &[varint(1, 2), double(2, 2.0)].concat());
    let sent = [varint(1, 3), double(2, 5.0), bucket, native.to_vec(), time(15, 3)].concat();
    family("h", kind, &field(7, &sent))
}

#[test]
fn protobuf_is_converted_unless_it_is_native() {
    let span = field(12, &[varint(1, 2), varint(2, 2)].concat());
    let native = [span, varint(13, 2), varint(13, 0)].concat();
    let scraped = |job: &str, body: &[u8]| protobuf(&mut ingester(job), body, 9000).expect("good");

    let converted = scraped(CONVERT, &message(4, &[]));
    assert_eq!((names(&converted), converted.scraped), (vec!["h".to_owned()], 1));
    assert_eq!(histogram(&converted).custom_values, [2.0]);
    assert_eq!(histogram(&converted).positive_buckets, [2.0, 1.0]);
    assert_eq!(converted.batch.series[0].start_timestamps_ms, [3000]);

    let kept = scraped(KEEP, &message(4, &[]));
    assert_eq!(names(&kept), ["h_count", "h_sum", "h_bucket2.0", "h_bucket+Inf", "h"]);

    let asked = format!("{CONVERT}scrape_native_histograms: true\n");
    let exponential = scraped(&asked, &message(4, &native));
    assert_eq!(
        (names(&exponential), histogram(&exponential).schema),
        (vec!["h".to_owned()], 0)
    );
    let passed_over = scraped(CONVERT, &message(4, &native));
    assert_eq!(
        histogram(&passed_over).custom_values,
        [2.0],
        "native buckets were not asked for"
    );

    let gauge = scraped(CONVERT, &message(5, &[]));
    assert_eq!(histogram(&gauge).counter_reset_hint, CounterResetHint::Gauge);

    let broken = family(
        "h",
        4,
        &field(
            7,
            &[varint(1, 1), field(3, &[varint(1, 2), double(2, 2.0)].concat())].concat(),
        ),
    );
    let ingested = scraped(CONVERT, &broken);
    assert_eq!((ingested.batch.series.len(), ingested.unconverted), (0, 1));
}
