//! The data directory of a Prometheus that ran for hours: blocks that it cut itself, a checkpoint of its
//! log, and samples that came out of order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};
use skopos_conformance::promql::sample_data::SampleSeries;
use skopos_core::Labels;

use super::{FOR_EVER, import};
use crate::differential::prometheus::{Prometheus, Setup, write, write_request};
use crate::program::Program;
use crate::webhook::eventually;

/// The first sample; a whole number of two hours.
const START_SECONDS: i64 = 1_699_992_000;
const HOUR: i64 = 3600;
/// Hours within which it must have written a checkpoint.
const MOST_HOURS: i64 = 24;
const JOBS: i64 = 5;
const SETUP: Setup<'static> = Setup {
    config: "storage: {tsdb: {out_of_order_time_window: 6h}}\n",
    block: "2h",
    flags: &[],
};

/// The value of a job at a time.
fn value(job: i64, at: i64) -> i64 {
    (at - START_SECONDS) * (job + 1)
}

/// The times of samples that Prometheus acknowledged.
#[derive(Default)]
struct Written(BTreeSet<i64>);

impl Written {
    /// Writes samples of each job from one time to another, off by some seconds.
    async fn add(&mut self, original: &Prometheus, from: i64, to: i64, step: i64, off: i64) {
        let times: Vec<i64> = (from..to).step_by(step as usize).map(|at| at + off).collect();
        let series = (0..JOBS).map(|job| SampleSeries {
            labels: Labels::from_pairs([("__name__", "lived_total"), ("job", &job.to_string())]),
            samples: times.iter().map(|at| (at * 1000, value(job, *at) as f64)).collect(),
        });
        write(&original.url, write_request(&series.collect::<Vec<_>>())).await;
        self.0.extend(times);
    }

    /// All samples of a job as the API tells them.
    fn of(&self, job: i64) -> Value {
        let samples = self.0.iter().map(|at| json!([at, value(job, *at).to_string()]));
        samples.collect()
    }
}

/// Whether a folder has something whole whose name begins so.
fn has(folder: &Path, start: &str) -> bool {
    let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| {
        let path = entry.path();
        let is_begun = path.extension().is_some_and(|extension| extension == "tmp");
        !is_begun && entry.file_name().to_string_lossy().starts_with(start)
    })
}

/// Waits until its head is too short for another block.
async fn settled(original: &Prometheus) {
    eventually("blocks are cut", async || {
        let metrics = reqwest::get(format!("{}/metrics", original.url))
            .await
            .ok()?
            .text()
            .await
            .ok()?;
        let value = |name: &str| {
            metrics
                .lines()
                .find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok())
        };
        let [newest, oldest] = ["prometheus_tsdb_head_max_time ", "prometheus_tsdb_head_min_time "].map(value);
        (newest? - oldest? <= (3 * HOUR * 1000) as f64).then_some(())
    })
    .await;
}

/// Every sample of the last days, by job.
async fn all(url: &str, end: i64) -> BTreeMap<String, Value> {
    let query = [("query", "lived_total[2d]".to_owned()), ("time", end.to_string())];
    let request = reqwest::Client::new().get(format!("{url}/api/v1/query")).query(&query);
    let body: Value = request.send().await.expect("an answer").json().await.expect("JSON");
    let series = body["data"]["result"].as_array().expect("series").iter();
    series
        .map(|series| {
            (
                series["metric"]["job"].as_str().expect("a job").to_owned(),
                series["values"].clone(),
            )
        })
        .collect()
}

/// What Prometheus acknowledged is the measure, not what it shows: killed at the wrong moment it shows late samples no
/// longer that lie in its log, and that are taken over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_a_checkpoint_and_late_samples_are_taken_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let (home, target) = (folder.path().join("prometheus"), folder.path().join("skopos"));
    let data = home.join("data");
    // Each start begins a segment of the log, and a checkpoint takes in the older ones.
    let mut end = START_SECONDS;
    let mut written = Written::default();
    while !has(&data.join("wal"), "checkpoint.") {
        assert!(end < START_SECONDS + MOST_HOURS * HOUR, "no checkpoint");
        let original = Prometheus::start_as(&home, SETUP).await;
        written.add(&original, end, end + HOUR, 15, 0).await;
        end += HOUR;
        // Before the head may cut a block.
        written.add(&original, end - HOUR, end - HOUR / 2, 60, 7).await;
        written.add(&original, end, end + 15, 15, 0).await;
        settled(&original).await;
        original.kill();
    }
    {
        let original = Prometheus::start_as(&home, SETUP).await;
        // Behind what is in blocks, and within the head, more than a chunk of them each.
        written.add(&original, end - 4 * HOUR, end - 3 * HOUR, 15, 5).await;
        written.add(&original, end - HOUR, end, 15, 3).await;
        original.kill();
    }
    assert!(
        has(&data, "01") && has(&data.join("wbl"), "0"),
        "blocks and late samples in a log"
    );
    import(&["prometheus"], &data, &target, 0);
    let program = Program::start(&target, &FOR_EVER).await;
    let ours = all(&program.url, end + HOUR).await;
    println!(
        "{} samples of a job over {} hours",
        written.0.len(),
        (end - START_SECONDS) / HOUR
    );
    assert_eq!(ours.len(), JOBS as usize);
    for job in 0..JOBS {
        assert_eq!(ours.get(&job.to_string()), Some(&written.of(job)), "job {job}");
    }
}
