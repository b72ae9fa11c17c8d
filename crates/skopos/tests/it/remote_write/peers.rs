//! Other stores, and what they have received.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::Samples;
use crate::differential::prometheus::free_address;
use crate::webhook::eventually;

/// The samples of the last hour in a store that is asked like Prometheus.
pub(super) async fn received(url: &str) -> Samples {
    let request = reqwest::Client::new().get(format!("{url}/api/v1/query"));
    let answer = request
        .query(&[("query", "rw_sample[1h]")])
        .send()
        .await
        .expect("an answer");
    let answer: Value = serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON");
    let mut samples = Samples::new();
    for series in answer["data"]["result"].as_array().expect("a matrix") {
        let name = series["metric"]["series"].as_str().expect("a label");
        for point in series["values"].as_array().expect("floats") {
            let at_ms = (point[0].as_f64().expect("a time") * 1000.0).round() as i64;
            let value: f64 = point[1].as_str().expect("text").parse().expect("a number");
            let twice = samples.insert((name.to_owned(), at_ms), value as u64);
            assert_eq!(twice, None, "{url} has a sample twice");
        }
    }
    samples
}

/// Debian's victoria-metrics on a free port; it ends with the value.
pub(super) struct VictoriaMetrics {
    child: Child,
    pub(super) url: String,
}

impl VictoriaMetrics {
    pub(super) async fn start(folder: &Path) -> Self {
        let address = free_address();
        let child = Command::new("victoria-metrics")
            .arg(format!("-storageDataPath={}", folder.display()))
            .arg(format!("-httpListenAddr={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program victoria-metrics is there: install Debian's package victoria-metrics");
        let victoria = Self {
            child,
            url: format!("http://{address}"),
        };
        eventually("victoria-metrics answers", async || {
            let answer = reqwest::get(format!("{}/health", victoria.url)).await;
            answer.is_ok_and(|answer| answer.status().is_success()).then_some(())
        })
        .await;
        victoria
    }

    /// The samples that it has, exported line by line.
    pub(super) async fn received(&self) -> Samples {
        let get = async |path: &str| {
            let answer = reqwest::get(format!("{}{path}", self.url)).await.expect("an answer");
            answer.text().await.expect("a body")
        };
        get("/internal/force_flush").await;
        let mut samples = Samples::new();
        for line in get("/api/v1/export?match[]=rw_sample").await.lines() {
            let series: Value = serde_json::from_str(line).expect("a line of JSON");
            let name = series["metric"]["series"].as_str().expect("a label");
            let values = series["values"].as_array().expect("values");
            let times = series["timestamps"].as_array().expect("times");
            for (value, at_ms) in values.iter().zip(times) {
                let key = (name.to_owned(), at_ms.as_i64().expect("a time"));
                let twice = samples.insert(key, value.as_f64().expect("a number") as u64);
                assert_eq!(twice, None, "VictoriaMetrics has a sample twice");
            }
        }
        samples
    }
}

impl Drop for VictoriaMetrics {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
