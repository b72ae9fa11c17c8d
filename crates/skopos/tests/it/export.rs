//! `skopos export`: what was stored is in the files, sample by sample.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, TimestampMillisecondType};
use arrow_array::{Array as _, RecordBatch};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use skopos_wire::remote_write::{BucketSpan, HistogramMessage};

use crate::differential::prometheus;
use crate::import::{FOR_EVER, feed, import};
use crate::program::{Program, command};

/// Runs `skopos export` and gives what it wrote and what it said.
pub(crate) fn export(format: &str, store: &Path) -> (Vec<u8>, String) {
    let output = command()
        .args(["export", "--format", format, "--storage.path"])
        .arg(store)
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    (output.stdout, said)
}

#[test]
fn what_is_exported_can_be_imported_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("in.om");
    std::fs::write(
        &text,
        "# TYPE c counter\n# HELP c Counts.\nc_total{a=\"x\"} 1 1700000000.001 # {trace_id=\"t\"} 0.5 1700000000\n\
         c_total{a=\"x\"} 2.5 1700000001\n# TYPE g gauge\ng{b=\"q\\\"\\\\\\n\"} NaN 1600000000\ng +Inf 1700000000.5\n# EOF\n",
    )
    .expect("a file");
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let report = import(&["openmetrics"], &text, &first, 0);
    assert_eq!(
        (&report["samples"], &report["exemplars"]),
        (&4.into(), &1.into()),
        "{report:#}"
    );
    let (exported, said) = export("openmetrics", &first);
    assert!(said.contains("exported 4 samples of 3 series"), "{said}");
    let again = folder.path().join("again.om");
    std::fs::write(&again, &exported).expect("a file");
    import(&["openmetrics"], &again, &second, 0);
    let (once_more, _) = export("openmetrics", &second);
    assert_eq!(String::from_utf8_lossy(&once_more), String::from_utf8_lossy(&exported));

    let (lines, said) = export("jsonl", &first);
    assert!(said.contains("left out 1 exemplars"), "{said}");
    let lines: Vec<Value> = String::from_utf8_lossy(&lines)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines[0]["metric"]["__name__"], "c_total");
    assert_eq!(lines[0]["timestamps"][1], 1_700_000_001_000_i64);
    assert_eq!(
        (&lines[1]["values"][0], &lines[2]["values"][0]),
        (&"Infinity".into(), &Value::Null)
    );

    let (file, _) = export("parquet", &first);
    assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1"));
}

/// The labels of a series, the name among them.
type Labels = BTreeMap<String, String>;

/// A sample: the bits of a float, or a histogram as JSON.
#[derive(Debug, Clone, PartialEq)]
enum Sample {
    Float(u64),
    Histogram(Value),
}

type Samples = BTreeMap<(Labels, i64), Sample>;

const STALE: u64 = 0x7ff0_0000_0000_0002;

/// What the feed writes.
fn written() -> Samples {
    let mut samples = Samples::new();
    for series in feed::series() {
        let labels: Labels = series
            .labels
            .into_iter()
            .map(|label| (label.name, label.value))
            .collect();
        for sample in series.samples {
            let key = (labels.clone(), sample.timestamp);
            samples.insert(key, Sample::Float(sample.value.to_bits()));
        }
        for sent in series.histograms {
            let key = (labels.clone(), sent.timestamp);
            samples.insert(key, expected(&sent));
        }
    }
    samples
}

fn expected(sent: &HistogramMessage) -> Sample {
    if sent.sum.to_bits() == STALE {
        return Sample::Float(STALE);
    }
    let spans = |spans: &[BucketSpan]| {
        spans
            .iter()
            .map(|span| json!([span.offset, span.length]))
            .collect::<Vec<_>>()
    };
    let counts = |floats: &[f64], deltas: &[i64]| {
        let absolute = deltas.iter().scan(0, |sum, delta| {
            *sum += delta;
            Some(*sum as f64)
        });
        floats.iter().copied().chain(absolute).collect::<Vec<f64>>()
    };
    let histogram = json!({
        "schema": sent.schema,
        "zero_threshold": sent.zero_threshold,
        "zero_count": sent.zero_count_float.or(sent.zero_count_int.map(|count| count as f64)),
        "count": sent.count_float.or(sent.count_int.map(|count| count as f64)),
        "sum": sent.sum,
        "positive_spans": spans(&sent.positive_spans),
        "positive_buckets": counts(&sent.positive_counts, &sent.positive_deltas),
        "negative_spans": spans(&sent.negative_spans),
        "negative_buckets": counts(&sent.negative_counts, &sent.negative_deltas),
        "custom_values": Vec::<f64>::new(),
        "counter_reset_hint": "unknown",
    });
    // Read as what was exported is: some digits are read as the number beside.
    Sample::Histogram(serde_json::from_str(&histogram.to_string()).expect("JSON"))
}

/// A store with what the feed writes, of which a part is in parts and the rest in the log.
async fn store(folder: &Path) {
    let mut bodies = feed::writes();
    let rest = bodies.split_off(bodies.len() / 2);
    for bodies in [bodies, rest] {
        let program = Program::start(folder, &FOR_EVER).await;
        for body in bodies {
            prometheus::write(&program.url, body).await;
        }
        program.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_parquet_are_the_samples() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    store(&data).await;
    let file = folder.path().join("all.parquet");
    let output = command()
        .args([
            "export",
            "--format",
            "parquet",
            "--match",
            r#"{__name__=~"written.+|latency"}"#,
            "-o",
        ])
        .arg(&file)
        .arg("--storage.path")
        .arg(&data)
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let expected = written();
    assert!(
        said.contains(&format!("exported {} samples", expected.len())) && said.contains("left out 4 exemplars"),
        "{said}"
    );
    let mut rows = Samples::new();
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&file).expect("a file")).expect("Parquet");
    for batch in reader.build().expect("Parquet") {
        read_rows(&batch.expect("rows"), &mut rows);
    }
    compare(&rows, &expected);
}

fn read_rows(batch: &RecordBatch, rows: &mut Samples) {
    let column = |name: &str| batch.column_by_name(name).expect(name);
    let metrics = column("metric").as_string::<i32>();
    let labels = column("labels").as_map();
    let times = column("timestamp").as_primitive::<TimestampMillisecondType>();
    let values = column("value").as_primitive::<Float64Type>();
    let histograms = column("histogram").as_string::<i32>();
    for row in 0..batch.num_rows() {
        let pairs = labels.value(row);
        let [names, texts] = [0, 1].map(|column| pairs.column(column).as_string::<i32>());
        let pairs = names
            .iter()
            .zip(texts)
            .map(|(name, text)| (name.expect("a name"), text.expect("a value")));
        let mut labels: Labels = pairs.map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        labels.insert("__name__".to_owned(), metrics.value(row).to_owned());
        assert_ne!(values.is_null(row), histograms.is_null(row), "a row has one of them");
        let sample = if values.is_null(row) {
            Sample::Histogram(serde_json::from_str(histograms.value(row)).expect("JSON"))
        } else {
            Sample::Float(values.value(row).to_bits())
        };
        let twice = rows.insert((labels, times.value(row)), sample);
        assert_eq!(twice, None, "a sample is there twice");
    }
}

/// JSON lines have no staleness markers, and say so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_lines_keep_native_histograms() {
    let folder = tempfile::tempdir().expect("a folder");
    store(folder.path()).await;
    let (text, said) = export("jsonl", folder.path());
    let mut lines = Samples::new();
    for line in String::from_utf8(text).expect("text").lines() {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let labels: Labels = serde_json::from_value(line["metric"].clone()).expect("labels");
        if !["written_gauge", "written_total", "latency"].contains(&labels["__name__"].as_str()) {
            continue;
        }
        let times: Vec<i64> = serde_json::from_value(line["timestamps"].clone()).expect("times");
        let floats = line["values"].as_array().into_iter().flatten();
        let floats = floats.map(|value| Sample::Float(value.as_f64().expect("a number").to_bits()));
        let histograms = line["histograms"].as_array().into_iter().flatten();
        let samples: Vec<Sample> = floats.chain(histograms.cloned().map(Sample::Histogram)).collect();
        assert_eq!(times.len(), samples.len(), "{line}");
        for (time_ms, sample) in times.into_iter().zip(samples) {
            let twice = lines.insert((labels.clone(), time_ms), sample);
            assert_eq!(twice, None, "a sample is there twice");
        }
    }
    let mut expected = written();
    expected.retain(|_, sample| *sample != Sample::Float(STALE));
    compare(&lines, &expected);
    assert!(said.contains("left out 2 staleness markers"), "{said}");
    assert!(!said.contains("native histograms"), "{said}");
}

fn compare(got: &Samples, expected: &Samples) {
    for (key, sample) in expected {
        assert_eq!(got.get(key), Some(sample), "{key:?}");
    }
    assert_eq!(got.len(), expected.len());
}
