//! Remote write from the built program: to a real Prometheus, to VictoriaMetrics, to another Skopos, and to a
//! receiver that answers as it is told.

mod peers;
mod receiver;
mod resharding;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use prost::Message as _;
use serde_json::Value;
use skopos_wire::remote_write::{LabelMessage, SampleMessage, TimeSeries, WriteRequest};

use crate::differential::prometheus::Prometheus;
use crate::program::Program;
use crate::webhook::eventually;
use peers::{VictoriaMetrics, received};
use receiver::Receiver;

const QUIET: [&str; 2] = ["--self.scrape-interval", "0s"];
/// How long loads last.
const LOAD: Duration = Duration::from_millis(900);

/// Samples by series and time.
pub(crate) type Samples = BTreeMap<(String, i64), u64>;

/// Pushes samples one after the other; values count, times ascend.
pub(crate) struct Pusher {
    client: reqwest::Client,
    next: u64,
    /// Those that were acknowledged.
    pub(crate) acknowledged: Samples,
}

impl Pusher {
    pub(crate) fn new() -> Self {
        Self {
            client: reqwest::Client::new(),
            next: 0,
            acknowledged: Samples::new(),
        }
    }

    /// Pushes a batch: one sample for each of ten series.
    pub(crate) async fn push(&mut self, url: &str) -> bool {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now_ms = now.expect("after 1970").as_millis() as i64;
        let mut sent = Samples::new();
        let mut timeseries = Vec::new();
        for series in 0..10 {
            let (name, value) = (format!("s{series}"), self.next);
            self.next += 1;
            sent.insert((name.clone(), now_ms), value);
            let label = |name: &str, value: &str| LabelMessage {
                name: name.to_owned(),
                value: value.to_owned(),
            };
            timeseries.push(TimeSeries {
                labels: vec![label("__name__", "rw_sample"), label("series", &name)],
                samples: vec![SampleMessage {
                    value: value as f64,
                    timestamp: now_ms,
                }],
                ..TimeSeries::default()
            });
        }
        let request = WriteRequest {
            timeseries,
            metadata: Vec::new(),
        };
        let body = snap::raw::Encoder::new()
            .compress_vec(&request.encode_to_vec())
            .expect("a short body");
        let request = self.client.post(format!("{url}/api/v1/write")).body(body);
        let answer = request.header("Content-Encoding", "snappy").send().await;
        let is_taken = answer.is_ok_and(|answer| answer.status().is_success());
        if is_taken {
            self.acknowledged.extend(sent);
        }
        // The next batch has another time.
        tokio::time::sleep(Duration::from_millis(2)).await;
        is_taken
    }

    /// Pushes so many batches, all of which must be taken.
    pub(crate) async fn push_batches(&mut self, url: &str, count: usize) {
        for _ in 0..count {
            assert!(self.push(url).await, "a push is taken");
        }
    }

    /// Pushes until the time is over.
    pub(crate) async fn push_for(&mut self, url: &str, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.push(url).await;
        }
    }
}

/// Writes a configuration with these remotes.
pub(crate) fn configure(folder: &Path, remotes: &[String]) -> String {
    let file = folder.join("prometheus.yml");
    let text = format!(
        "global: {{external_labels: {{site: here}}}}\nremote_write: [{}]\n",
        remotes.join(", ")
    );
    std::fs::write(&file, text).expect("a file");
    file.display().to_string()
}

/// A remote that waits for nothing.
pub(crate) fn remote(name: &str, url: &str, more: &str) -> String {
    format!(
        "{{name: {name}, url: '{url}', queue_config: {{batch_send_deadline: 100ms, max_samples_per_send: 300, \
         max_backoff: 200ms}}{more}}}"
    )
}

async fn start(folder: &Path, remotes: &[String]) -> Program {
    let file = configure(folder, remotes);
    let flags = [QUIET[0], QUIET[1], "--config.file", &file];
    Program::start(&folder.join("data"), &flags).await
}

/// Waits until a store that is asked like Prometheus has these samples, each once, and nothing else.
pub(crate) async fn arrive(url: &str, expected: &Samples) {
    let what = format!("{} samples are in {url}", expected.len());
    eventually(&what, async || (received(url).await == *expected).then_some(())).await;
}

async fn status(program: &Program, name: &str) -> Option<Value> {
    let answer = program.get("/api/skopos/remote-write", &[]).await;
    let remotes = answer["remotes"].as_array().expect("a list").clone();
    remotes.into_iter().find(|remote| remote["name"] == name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn samples_reach_three_kinds_of_stores() {
    let folder = tempfile::tempdir().expect("a folder");
    let prometheus = Prometheus::start(&folder.path().join("prometheus")).await;
    let victoria = VictoriaMetrics::start(&folder.path().join("victoria")).await;
    let other = Program::start(&folder.path().join("other"), &QUIET).await;
    let rules = ", write_relabel_configs: [{source_labels: [site], target_label: place}, {source_labels: [series], regex: s9, action: drop}]";
    let second = ", protobuf_message: io.prometheus.write.v2.Request";
    let remotes = [
        remote("prometheus", &format!("{}/api/v1/write", prometheus.url), rules),
        remote("victoria", &format!("{}/api/v1/write", victoria.url), ""),
        remote("skopos", &format!("{}/api/v1/write", other.url), second),
    ];
    let program = start(folder.path(), &remotes).await;
    let mut pusher = Pusher::new();
    pusher.push_batches(&program.url, 60).await;
    let all = &pusher.acknowledged;
    arrive(&other.url, all).await;
    eventually("VictoriaMetrics has them", async || {
        (victoria.received().await == *all).then_some(())
    })
    .await;
    let without_s9: Samples = all
        .iter()
        .filter(|(key, _)| key.0 != "s9")
        .map(|(k, v)| (k.clone(), *v))
        .collect();
    arrive(&prometheus.url, &without_s9).await;
    let answer = reqwest::get(format!("{}/api/v1/series?match[]=rw_sample", prometheus.url))
        .await
        .expect("an answer");
    let series: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
    assert_eq!(series["data"][0]["site"], "here");
    assert_eq!(series["data"][0]["place"], "here");

    let own = program.metrics().await;
    let sent = own
        .lines()
        .find(|line| line.starts_with("prometheus_remote_storage_samples_total{remote_name=\"skopos\""));
    assert!(
        sent.is_some_and(|line| line.ends_with(&format!(" {}", all.len()))),
        "{sent:?}"
    );
    let dropped =
        "prometheus_remote_storage_samples_dropped_total{reason=\"dropped_series\",remote_name=\"prometheus\"";
    let dropped = own.lines().find(|line| line.starts_with(dropped)).expect("a counter");
    assert!(
        dropped.ends_with(&format!(" {}", all.len() - without_s9.len())),
        "{dropped}"
    );
    let shown = status(&program, "skopos").await.expect("a remote");
    assert_eq!(
        (shown["failed"].as_u64(), shown["failing"].as_bool()),
        (Some(0), Some(false))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_was_away_misses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let its = folder.path().join("prometheus");
    let prometheus = Prometheus::start(&its).await;
    let url = prometheus.url.clone();
    let program = start(folder.path(), &[remote("p", &format!("{url}/api/v1/write"), "")]).await;
    let mut pusher = Pusher::new();
    pusher.push_for(&program.url, LOAD / 2).await;
    prometheus.kill();
    pusher.push_for(&program.url, LOAD / 2).await;
    eventually("the failure is shown", async || {
        status(&program, "p")
            .await
            .filter(|shown| shown["failing"] == true && shown["lastError"]["text"].is_string())
    })
    .await;
    // Ending does not wait for a store that is away, and the next start goes on.
    program.stop().await;
    let program = start(folder.path(), &[remote("p", &format!("{url}/api/v1/write"), "")]).await;
    pusher.push_for(&program.url, LOAD / 2).await;
    let prometheus = Prometheus::start_again(&its, &url).await;
    pusher.push_for(&program.url, LOAD / 2).await;
    arrive(&prometheus.url, &pusher.acknowledged).await;
    drop(program);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_under_load_every_sample_arrives_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let prometheus = Prometheus::start(&folder.path().join("prometheus")).await;
    let other = Program::start(&folder.path().join("other"), &QUIET).await;
    let second = ", protobuf_message: io.prometheus.write.v2.Request";
    let remotes = [
        remote("first", &format!("{}/api/v1/write", prometheus.url), ""),
        remote("second", &format!("{}/api/v1/write", other.url), second),
    ];
    let mut pusher = Pusher::new();
    let rounds = 6;
    for _ in 0..rounds {
        let program = start(folder.path(), &remotes).await;
        pusher.push_batches(&program.url, 60).await;
        program.kill();
    }
    let program = start(folder.path(), &remotes).await;
    let all = &pusher.acknowledged;
    println!("killed {rounds} times; {} samples acknowledged", all.len());
    arrive(&prometheus.url, all).await;
    arrive(&other.url, all).await;
    drop(program);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_decide_what_is_sent_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = Receiver::start().await;
    let retry = ", send_exemplars: true, metadata_config: {send: false}".to_owned();
    let remotes = [remote("r", &receiver.url, &retry).replace("max_backoff", "retry_on_http_429: true, max_backoff")];
    let program = start(folder.path(), &remotes).await;
    let mut pusher = Pusher::new();

    receiver.answer_next(&[500, 429, 503]);
    assert!(pusher.push(&program.url).await);
    receiver.wait_for(&pusher.acknowledged).await;
    assert!(receiver.requests() >= 4, "{}", receiver.requests());
    let shown = status(&program, "r").await.expect("a remote");
    assert_eq!(shown["failed"].as_u64(), Some(0));

    // What is refused for good is counted and does not hold up what follows.
    receiver.answer_next(&[400]);
    let before = pusher.acknowledged.clone();
    assert!(pusher.push(&program.url).await);
    eventually("the refusal is counted", async || {
        let own = program.metrics().await;
        let refused = "skopos_remote_write_refused_total{reason=\"bad_request\",remote_name=\"r\"";
        own.lines()
            .any(|line| line.starts_with(refused) && line.ends_with(" 10"))
            .then_some(())
    })
    .await;
    let refused: Vec<_> = pusher
        .acknowledged
        .keys()
        .filter(|key| !before.contains_key(*key))
        .cloned()
        .collect();
    assert!(pusher.push(&program.url).await);
    let mut expected = pusher.acknowledged.clone();
    expected.retain(|key, _| !refused.contains(key));
    receiver.wait_for(&expected).await;
    let own = program.metrics().await;
    for line in [
        "prometheus_remote_storage_samples_failed_total{remote_name=\"r\"",
        "prometheus_remote_storage_samples_retried_total{remote_name=\"r\"",
    ] {
        let line = own.lines().find(|own| own.starts_with(line)).expect("a counter");
        assert!(!line.ends_with(" 0"), "{line}");
    }
    let ledger = program.get("/api/skopos/ledger", &[]).await;
    let entries = ledger["entries"].as_array().expect("entries").clone();
    let out: Vec<_> = entries
        .iter()
        .filter(|entry| entry["door"] == "remote_write_out")
        .collect();
    let count = |outcome: &str| {
        out.iter()
            .filter(|entry| entry["outcome"] == outcome)
            .map(|entry| entry["count"].as_u64().unwrap_or(0))
            .sum::<u64>()
    };
    assert_eq!((count("stored"), count("rejected")), (20, 10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_adds_changes_and_removes_remotes_without_loss() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = start(folder.path(), &[]).await;
    let mut pusher = Pusher::new();
    assert!(pusher.push(&program.url).await);
    let receiver = Receiver::start().await;
    receiver.answer_always(503);

    configure(folder.path(), &[remote("r", &receiver.url, "")]);
    program.hang_up();
    eventually("the remote is there", async || status(&program, "r").await).await;
    let before = pusher.acknowledged.clone();
    pusher.push_for(&program.url, LOAD / 3).await;
    let mut expected = pusher.acknowledged.clone();
    expected.retain(|key, _| !before.contains_key(key));

    // Other settings: the queue goes on where it was.
    let more = ", remote_timeout: 7s";
    configure(folder.path(), &[remote("r", &receiver.url, more)]);
    program.hang_up();
    eventually("the settings are in force", async || {
        let config = program.get("/api/v1/status/config", &[]).await;
        let yaml = config["data"]["yaml"].as_str().expect("the configuration");
        yaml.contains("remote_timeout: 7s").then_some(())
    })
    .await;
    pusher.push_for(&program.url, LOAD / 3).await;
    expected = pusher.acknowledged.clone();
    expected.retain(|key, _| !before.contains_key(key));
    receiver.answer_always(204);
    receiver.wait_for(&expected).await;

    configure(folder.path(), &[]);
    program.hang_up();
    eventually("the remote is gone", async || {
        status(&program, "r").await.is_none().then_some(())
    })
    .await;
    let position = folder.path().join("data/remote-write/r.position");
    eventually("its place is forgotten", async || (!position.exists()).then_some(())).await;
    assert!(pusher.push(&program.url).await);
    let broken = "remote_write: [{url: ''}]\n";
    std::fs::write(folder.path().join("prometheus.yml"), broken).expect("a file");
    let (status, answer) = program.post("/-/reload", &Value::Null).await;
    assert_eq!(status, 500, "{answer}");
    assert_eq!(receiver.received(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beyond_its_bound_the_log_is_let_go_and_every_sample_is_accounted_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = Receiver::start().await;
    receiver.answer_always(503);
    let small = remote("r", &receiver.url, "").replace(
        "max_samples_per_send: 300",
        "max_samples_per_send: 10, capacity: 50, max_shards: 1",
    );
    let file = configure(folder.path(), &[small]);
    let flags = [
        QUIET[0],
        QUIET[1],
        "--config.file",
        &file,
        "--storage.remote.backlog-size",
        "8KB",
    ];
    let program = Program::start(&folder.path().join("data"), &flags).await;
    let mut pusher = Pusher::new();
    let dropped = async || {
        let own = program.metrics().await;
        let name = "prometheus_remote_storage_samples_dropped_total{reason=\"too_far_behind\",remote_name=\"r\"";
        let line = own
            .lines()
            .find(|line| line.starts_with(name))
            .expect("a counter")
            .to_owned();
        let value = line
            .rsplit(' ')
            .next()
            .expect("a value")
            .parse::<f64>()
            .expect("a number");
        value as usize
    };
    let deadline = Instant::now() + Duration::from_mins(1);
    while dropped().await == 0 {
        assert!(Instant::now() < deadline, "nothing was let go");
        pusher.push_for(&program.url, LOAD / 3).await;
    }
    receiver.answer_always(204);
    assert!(pusher.push(&program.url).await);
    eventually("every sample was sent or is counted", async || {
        (receiver.received().len() + dropped().await == pusher.acknowledged.len()).then_some(())
    })
    .await;
    let received = receiver.received();
    assert!(
        received
            .iter()
            .all(|(key, value)| pusher.acknowledged.get(key) == Some(value))
    );
    let newest = pusher.acknowledged.keys().map(|key| key.1).max();
    assert_eq!(
        received.keys().map(|key| key.1).max(),
        newest,
        "what came last is there"
    );
}
