//! Expositions as Prometheus' scraper takes them: verdict, and the series kept of those accepted.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use flate2::read::GzDecoder;
use serde::Deserialize;
use skopos_core::Labels;
use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::MetricValue;
use skopos_wire::exposition::{ConvertClassic, Entry, Format, HistogramChoice, Parser, ProtobufEntry, read_families};

use crate::{Outcome, data};

#[derive(Deserialize)]
struct Expected {
    id: String,
    format: String,
    file: Option<String>,
    prometheus_3_5_3: String,
    #[serde(default)]
    samples: Vec<(BTreeMap<String, String>, String)>,
}

#[derive(Deserialize)]
struct Inline {
    id: String,
    input: Option<String>,
    input_b64: Option<String>,
}

/// Runs the cases of `expected.jsonl.gz` in `dir` whose input is there, and compares the protobuf bodies
/// that lie beside a text with it.
pub fn run(dir: &Path) -> anyhow::Result<Outcome> {
    let inline = inline_inputs(&dir.join("inline_cases.jsonl"))?;
    let mut outcome = Outcome::default();
    for line in expected(&dir.join("expected.jsonl.gz"))?.lines() {
        let case: Expected = serde_json::from_str(line).context("expected.jsonl.gz")?;
        let input = match (&case.file, inline.get(&case.id)) {
            (Some(file), _) => data::bytes(&dir.join(file))?,
            (None, input) => input.cloned(),
        };
        if let Some(input) = input {
            let result = check(&case, &input);
            outcome.record(case.id, result);
        }
    }
    for folder in sorted_folders(dir)? {
        let packed = folder.join("protobuf.delim.bin");
        let bodies = (data::bytes(&packed)?, data::bytes(&folder.join("text.prom"))?);
        if let (Some(packed_body), Some(text_body)) = bodies {
            outcome.record(packed.display().to_string(), same(&packed_body, &text_body));
        }
    }
    Ok(outcome)
}

fn sorted_folders(dir: &Path) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

/// A protobuf body must give the series that its text gives.
fn same(packed: &[u8], text: &[u8]) -> Result<(), String> {
    let wanted = scrape(text, Format::Text)?;
    let choice = HistogramChoice {
        native: false,
        always_classic: true,
        convert: ConvertClassic::Off,
    };
    let mut got = BTreeMap::new();
    let read = read_families(packed, choice, |entry| {
        if let ProtobufEntry::Sample(sample) = entry {
            let pairs = sample.labels.iter().copied().chain(sample.extra);
            let labels: Labels = pairs.chain([(METRIC_NAME, sample.name)]).collect();
            match sample.value {
                MetricValue::Float(value) => got.entry(labels).or_insert(value),
                MetricValue::Histogram(_) => return Err(format!("{labels} is a native histogram")),
            };
        }
        Ok(())
    });
    read.map_err(|end| format!("{end:?}"))?;
    compare_maps(&got, &wanted)
}

fn inline_inputs(file: &Path) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let text = data::text(file)?.unwrap_or_default();
    let mut inputs = BTreeMap::new();
    for line in text.lines() {
        let case: Inline = serde_json::from_str(line).with_context(|| file.display().to_string())?;
        let input = match (case.input, case.input_b64) {
            (Some(text), _) => text.into_bytes(),
            (None, Some(base64)) => decode_base64(&base64).context("input_b64")?,
            (None, None) => anyhow::bail!("case {} has no input", case.id),
        };
        inputs.insert(case.id, input);
    }
    Ok(inputs)
}

fn decode_base64(text: &str) -> anyhow::Result<Vec<u8>> {
    use base64::Engine as _;
    Ok(base64::engine::general_purpose::STANDARD.decode(text)?)
}

/// The unpacked table; empty where there is none.
fn expected(file: &Path) -> anyhow::Result<String> {
    let Some(packed) = data::bytes(file)? else {
        return Ok(String::new());
    };
    let mut text = String::new();
    GzDecoder::new(packed.as_slice())
        .read_to_string(&mut text)
        .with_context(|| file.display().to_string())?;
    Ok(text)
}

fn check(case: &Expected, input: &[u8]) -> Result<(), String> {
    let format = match case.format.as_str() {
        "openmetrics" => Format::OpenMetrics,
        _ => Format::Text,
    };
    match (scrape(input, format), case.prometheus_3_5_3.as_str()) {
        (Err(_), "reject") => Ok(()),
        (Err(error), _) => Err(format!("is accepted by Prometheus, we say: {error}")),
        (Ok(_), "reject") => Err("is rejected by Prometheus".to_owned()),
        (Ok(series), _) => compare(&series, &case.samples),
    }
}

/// The series that a scrape would store, all at one time, so the first sample of each counts.
fn scrape(input: &[u8], format: Format) -> Result<BTreeMap<Labels, f64>, String> {
    let mut series = BTreeMap::new();
    if input.is_empty() {
        return Ok(series);
    }
    for entry in Parser::new(input, format) {
        if let Entry::Sample(sample) = entry.map_err(|error| error.to_string())? {
            let labels = sample.labels().map_err(|error| error.to_string())?;
            series.entry(labels.into_iter().collect()).or_insert(sample.value);
        }
    }
    Ok(series)
}

fn compare(series: &BTreeMap<Labels, f64>, wanted: &[(BTreeMap<String, String>, String)]) -> Result<(), String> {
    let wanted: BTreeMap<Labels, f64> = wanted
        .iter()
        .map(|(labels, value)| (labels.iter().collect(), value.parse().unwrap_or(f64::NAN)))
        .collect();
    compare_maps(series, &wanted)
}

fn compare_maps(series: &BTreeMap<Labels, f64>, wanted: &BTreeMap<Labels, f64>) -> Result<(), String> {
    for (labels, value) in wanted {
        match series.get(labels) {
            Some(got) if got == value || got.is_nan() && value.is_nan() => {}
            got => return Err(format!("{labels} should be {value}, is {got:?}")),
        }
    }
    match series.keys().find(|labels| !wanted.contains_key(labels)) {
        Some(labels) => Err(format!("{labels} should not be there")),
        None => Ok(()),
    }
}
