//! A real Prometheus on a free port, and remote write to it and to us.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use prost::Message as _;
use skopos_conformance::promql::sample_data::SampleSeries;
use skopos_wire::remote_write::{LabelMessage, SampleMessage, TimeSeries, WriteRequest};

const START_TIMEOUT: Duration = Duration::from_mins(1);

/// The process; it ends with the value.
pub(super) struct Prometheus {
    child: Child,
    pub(super) url: String,
}

impl Prometheus {
    /// Starts one on an empty folder and waits until it is ready.
    pub(super) async fn start(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        let config = folder.join("prometheus.yml");
        std::fs::write(&config, "global: {evaluation_interval: 1m}\n").expect("a file");
        let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = port.local_addr().expect("an address").to_string();
        drop(port);
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args([
                "--web.enable-remote-write-receiver",
                "--storage.tsdb.retention.time=100y",
            ])
            // So that one batch may hold more than an hour.
            .args([
                "--storage.tsdb.min-block-duration=24h",
                "--storage.tsdb.max-block-duration=24h",
            ])
            .args(["--web.console.templates=", "--web.console.libraries="])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program prometheus is there: install Debian's package prometheus");
        let prometheus = Self {
            child,
            url: format!("http://{address}"),
        };
        prometheus.wait_ready().await;
        prometheus
    }

    async fn wait_ready(&self) {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let answer = reqwest::get(format!("{}/-/ready", self.url)).await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "prometheus is not ready within {START_TIMEOUT:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The body of one remote write with all samples.
pub(super) fn write_request(series: &[SampleSeries]) -> Vec<u8> {
    let timeseries = series.iter().map(|series| TimeSeries {
        labels: series
            .labels
            .iter()
            .map(|(name, value)| LabelMessage {
                name: name.to_owned(),
                value: value.to_owned(),
            })
            .collect(),
        samples: series
            .samples
            .iter()
            .map(|(timestamp, value)| SampleMessage {
                value: *value,
                timestamp: *timestamp,
            })
            .collect(),
        ..TimeSeries::default()
    });
    let request = WriteRequest {
        timeseries: timeseries.collect(),
        ..WriteRequest::default()
    };
    snap::raw::Encoder::new()
        .compress_vec(&request.encode_to_vec())
        .expect("a short body")
}

/// Writes; anything but success is a failure of the test.
pub(super) async fn write(url: &str, body: Vec<u8>) {
    let request = reqwest::Client::new()
        .post(format!("{url}/api/v1/write"))
        .header("Content-Type", "application/x-protobuf")
        .header("Content-Encoding", "snappy")
        .header("X-Prometheus-Remote-Write-Version", "0.1.0")
        .body(body);
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    assert!(status.is_success(), "{url}: {status} {:?}", answer.text().await);
}
