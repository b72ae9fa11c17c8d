//! Staleness, label conflicts, limits, metadata; bodies in protobuf and times of beginning.

mod conversion;
mod formats;

use skopos_core::sample::is_stale;
use skopos_wire::exposition::Format;

use super::*;

fn ingester(job: &str) -> Ingester {
    ingester_with(job, CreatedZeros::Off)
}

fn ingester_with(job: &str, created_zeros: CreatedZeros) -> Ingester {
    let config = ScrapeConfig::parse(&format!("job_name: j\n{job}")).expect("the test's job is good");
    let rules = IngestRules::new(&config, created_zeros).expect("its patterns compile");
    Ingester::new(
        Labels::from_pairs([("job", "j"), ("instance", "i")]),
        Arc::new(rules),
        Vec::new(),
    )
}

fn scrape(ingester: &mut Ingester, body: &str, scrape_ms: i64) -> Result<Ingested, IngestError> {
    let mut ingested = Ingested::default();
    ingester.ingest(
        body.as_bytes(),
        BodyFormat::Text(Format::Text),
        scrape_ms,
        &mut ingested,
    )?;
    Ok(unpacked(ingested))
}

/// All samples in the batch, in the order they are stored.
fn unpacked(mut ingested: Ingested) -> Ingested {
    let mut all = std::mem::take(&mut ingested.floats).to_batch().series;
    all.append(&mut ingested.batch.series);
    ingested.batch.series = all;
    ingested
}

/// Series and values as text, `stale` for the marker, sorted.
fn shown(ingested: &Ingested) -> Vec<String> {
    let mut lines: Vec<String> = ingested
        .batch
        .series
        .iter()
        .map(|series| match series.samples[0].value {
            MetricValue::Float(value) if is_stale(value) => format!("{} stale", series.labels),
            MetricValue::Float(value) => format!("{} {value}", series.labels),
            MetricValue::Histogram(_) => "histogram".to_owned(),
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn vanished_series_get_a_marker_once() {
    let mut target = ingester("");
    let first = scrape(&mut target, "a 1\nb 2\n", 1000).expect("good");
    assert_eq!((first.scraped, first.after_relabeling, first.series_added), (2, 2, 2));
    let second = scrape(&mut target, "a 3\n", 2000).expect("good");
    assert_eq!(
        shown(&second),
        [
            r#"{__name__="a", instance="i", job="j"} 3"#,
            r#"{__name__="b", instance="i", job="j"} stale"#
        ]
    );
    assert_eq!(second.series_added, 0);
    assert_eq!(scrape(&mut target, "a 3\n", 3000).expect("good").batch.series.len(), 1);
    let swapped = scrape(&mut target, "b 4\n", 4000).expect("good");
    assert_eq!(
        swapped.batch.series.len(),
        2,
        "as many as before, but not the same: {:?}",
        shown(&swapped)
    );
}

#[test]
fn a_failed_scrape_ends_what_the_last_good_one_had() {
    let mut target = ingester("sample_limit: 2");
    scrape(&mut target, "a 1\nb 2\n", 1000).expect("good");
    assert!(
        scrape(&mut target, "a 1\nnew 2\nb 1\n", 2000).is_err(),
        "over the limit"
    );
    let mut failed = Ingested::default();
    target.fail(2000, &mut failed);
    let lines = shown(&unpacked(failed));
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines
            .iter()
            .all(|line| line.ends_with("stale") && !line.contains("new")),
        "{lines:?}"
    );
    let mut again = Ingested::default();
    target.fail(3000, &mut again);
    assert_eq!(
        shown(&unpacked(again)),
        Vec::<String>::new(),
        "markers are written once"
    );
    let back = scrape(&mut target, "a 1\n", 4000).expect("good");
    assert_eq!(shown(&back).len(), 1);
}

#[test]
fn series_of_an_earlier_ingester_are_watched() {
    let mut before = ingester("");
    scrape(&mut before, "a 1\nb 1\n", 1000).expect("good");
    let rules = Arc::new(IngestRules::plain());
    let mut after = Ingester::new(
        Labels::from_pairs([("job", "j"), ("instance", "i")]),
        rules,
        before.into_tracked(),
    );
    let lines = shown(&scrape(&mut after, "a 1\n", 2000).expect("good"));
    assert_eq!(lines.len(), 2);
    assert!(lines[1].contains("\"b\"") && lines[1].ends_with("stale"), "{lines:?}");
}

#[test]
fn explicit_timestamps_are_honoured_and_not_tracked() {
    let mut target = ingester("");
    let first = scrape(&mut target, "a 1 500\n", 1000).expect("good");
    assert_eq!(first.batch.series[0].samples[0].timestamp_ms, 500);
    assert_eq!(scrape(&mut target, "", 2000).expect("good").batch.series.len(), 0);

    let mut target = ingester("track_timestamps_staleness: true");
    scrape(&mut target, "a 1 500\n", 1000).expect("good");
    assert_eq!(scrape(&mut target, "", 2000).expect("good").batch.series.len(), 1);

    let mut target = ingester("honor_timestamps: false");
    let first = scrape(&mut target, "a 1 500\n", 1000).expect("good");
    assert_eq!(first.batch.series[0].samples[0].timestamp_ms, 1000);
}

#[test]
fn conflicting_labels() {
    let body = "a{job=\"x\",exported_job=\"y\",instance=\"\"} 1\n";
    let ours = scrape(&mut ingester(""), body, 0).expect("good");
    assert_eq!(
        shown(&ours),
        [r#"{__name__="a", exported_exported_job="x", exported_job="y", instance="i", job="j"} 1"#]
    );
    let theirs = scrape(&mut ingester("honor_labels: true"), body, 0).expect("good");
    assert_eq!(shown(&theirs), [r#"{__name__="a", exported_job="y", job="x"} 1"#]);
}

#[test]
fn rules_for_series() {
    let rules = "metric_relabel_configs:\n- {source_labels: [__name__], regex: 'noise.*', action: drop}\n- {regex: id, action: labeldrop}";
    let mut target = ingester(rules);
    for scrape_ms in [1000, 2000] {
        let ingested = scrape(&mut target, "noise_total 1\na{id=\"7\"} 2\n", scrape_ms).expect("good");
        assert_eq!((ingested.scraped, ingested.after_relabeling), (2, 1));
        assert_eq!(shown(&ingested), [r#"{__name__="a", instance="i", job="j"} 2"#]);
    }
}

#[test]
fn limits_name_what_exceeds_them() {
    for (job, body, message) in [
        (
            "sample_limit: 1",
            "a 1\nb 1\n",
            "sample limit exceeded: more than 1 samples",
        ),
        (
            "label_limit: 3",
            "a{b=\"c\"} 1\n",
            "label_limit exceeded (metric: a, number of labels: 4, limit: 3)",
        ),
        (
            "label_name_length_limit: 8",
            "a{very_long=\"c\"} 1\n",
            "label_name_length_limit exceeded (metric: a, label name: very_long, length: 9, limit: 8)",
        ),
        (
            "label_value_length_limit: 2",
            "a{b=\"ccc\"} 1\n",
            "label_value_length_limit exceeded (metric: a, label name: b, length: 3, limit: 2)",
        ),
        (
            "{metric_name_validation_scheme: legacy, job_name: k}",
            "{\"a.b\"} 1\n",
            "line 1: invalid metric name or label names: {__name__=\"a.b\", instance=\"i\", job=\"j\"}",
        ),
    ] {
        let mut target = if job.starts_with('{') {
            let config = ScrapeConfig::parse(job).expect("good");
            let rules = Arc::new(IngestRules::new(&config, CreatedZeros::Off).expect("good"));
            Ingester::new(Labels::from_pairs([("job", "j"), ("instance", "i")]), rules, Vec::new())
        } else {
            ingester(job)
        };
        assert_eq!(scrape(&mut target, body, 0).expect_err(job).to_string(), message);
    }
}

#[test]
fn metadata_is_given_when_it_changes() {
    let mut target = ingester("");
    let body = "# HELP a Help.\n# TYPE a counter\na 1\n";
    let first = scrape(&mut target, body, 0).expect("good");
    assert_eq!(first.batch.metadata.len(), 1);
    assert_eq!(
        (
            first.batch.metadata[0].help.as_str(),
            first.batch.metadata[0].metric_type
        ),
        ("Help.", MetricType::Counter)
    );
    assert!(!scrape(&mut target, body, 1000).expect("good").metadata_changed);
    assert!(
        scrape(&mut target, "# TYPE a gauge\na 1\n", 2000)
            .expect("good")
            .metadata_changed
    );
    assert_eq!(target.metadata()[0].metric_type, MetricType::Gauge);
}

#[test]
fn exemplars_are_kept_up_to_their_length() {
    let mut target = ingester("");
    let long = "x".repeat(128);
    let body =
        format!("a_total 1 # {{t=\"1\"}} 0.5 3\nb_total 1 # {{t=\"{long}\"}} 0.5\nc_total 1 # {{t=\"2\"}} 1\n# EOF\n");
    let mut ingested = Ingested::default();
    target
        .ingest(
            body.as_bytes(),
            BodyFormat::Text(Format::OpenMetrics),
            7000,
            &mut ingested,
        )
        .expect("good");
    let times: Vec<Vec<i64>> = unpacked(ingested)
        .batch
        .series
        .iter()
        .map(|series| series.exemplars.iter().map(|e| e.timestamp_ms).collect())
        .collect();
    assert_eq!(times, [vec![], vec![3000], vec![7000]], "a float alone is stored first");
}
