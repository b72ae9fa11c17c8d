//! A real Prometheus on a free port, and remote write to it and to us.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use prost::Message as _;
use skopos_conformance::promql::sample_data::SampleSeries;
use skopos_wire::remote_write::{LabelMessage, SampleMessage, TimeSeries, WriteRequest};

const START_TIMEOUT: Duration = Duration::from_mins(1);

/// How one is started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup<'a> {
    /// `prometheus.yml`.
    pub(crate) config: &'a str,
    /// How much time a block covers.
    pub(crate) block: &'a str,
    /// More flags.
    pub(crate) flags: &'a [&'a str],
}

impl Default for Setup<'_> {
    /// One batch may hold more than an hour.
    fn default() -> Self {
        Self {
            config: "global: {evaluation_interval: 1m}\n",
            block: "24h",
            flags: &[],
        }
    }
}

/// The process; it ends with the value.
pub(crate) struct Prometheus {
    child: Child,
    pub(crate) url: String,
}

impl Prometheus {
    /// Starts one on an empty folder and waits until it is ready.
    pub(crate) async fn start(folder: &Path) -> Self {
        Self::start_as(folder, Setup::default()).await
    }

    /// Starts one as it is said; its data lies in `data` below the folder.
    pub(crate) async fn start_as(folder: &Path, setup: Setup<'_>) -> Self {
        Self::start_at(folder, &free_address(), setup).await
    }

    /// Starts it anew after [`Self::kill`], where it was.
    pub(crate) async fn start_again(folder: &Path, url: &str) -> Self {
        Self::start_at(folder, url.trim_start_matches("http://"), Setup::default()).await
    }

    /// Sends SIGKILL and waits for the end.
    pub(crate) fn kill(self) {
        drop(self);
    }

    async fn start_at(folder: &Path, address: &str, setup: Setup<'_>) -> Self {
        // Requests need it, and this may be the first program of a test.
        drop(rustls::crypto::ring::default_provider().install_default());
        std::fs::create_dir_all(folder).expect("a folder");
        let config = folder.join("prometheus.yml");
        std::fs::write(&config, setup.config).expect("a file");
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args([
                "--web.enable-remote-write-receiver",
                "--storage.tsdb.retention.time=100y",
            ])
            .args([
                format!("--storage.tsdb.min-block-duration={}", setup.block),
                format!("--storage.tsdb.max-block-duration={}", setup.block),
            ])
            .args(["--web.console.templates=", "--web.console.libraries="])
            .args(setup.flags)
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

/// An address that nobody listened on a moment ago.
pub(crate) fn free_address() -> String {
    let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
    port.local_addr().expect("an address").to_string()
}

/// The body of one remote write with all samples.
pub(crate) fn write_request(series: &[SampleSeries]) -> Vec<u8> {
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
pub(crate) async fn write(url: &str, body: Vec<u8>) {
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
