//! Starts the services as processes and reads their log lines and metrics.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a thing that must happen may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where Cargo puts the example that is the fleet's program. `cargo test` without `--test` builds it with the tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let folder = test.ancestors().nth(2).expect("target/PROFILE/deps/it");
    let program = folder.join("examples/fleet");
    assert!(
        program.exists(),
        "build it with: cargo build -p skopos-fleet --example fleet"
    );
    program
}

/// The bus is shared by the systems.
fn system(service: &str) -> &'static str {
    if service == "broker" { "infra" } else { "somaagent01" }
}

/// One running service; killed when dropped.
pub(crate) struct Service {
    child: Child,
    lines: Arc<Mutex<Vec<Value>>>,
    name: &'static str,
}

impl Service {
    pub(crate) fn start(name: &'static str, flags: &[&str], collector: SocketAddr) -> Self {
        Self::start_of(system(name), name, flags, collector)
    }

    pub(crate) fn start_of(system: &str, name: &'static str, flags: &[&str], collector: SocketAddr) -> Self {
        Self::start_with(system, name, flags, collector, &[])
    }

    pub(crate) fn start_with(
        system: &str,
        name: &'static str,
        flags: &[&str],
        collector: SocketAddr,
        environment: &[(&str, &str)],
    ) -> Self {
        let mut child = Command::new(program())
            .args(["fleet", system, name, "--exit-with-parent"])
            .args(flags)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"))
            .env("TRACE_SAMPLE_RATE", "1")
            .env_remove("RUST_LOG")
            .env_remove("SOMA_AGENT_MODE")
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the fleet's program starts");
        let lines: Arc<Mutex<Vec<Value>>> = Arc::default();
        let (output, sink) = (child.stdout.take().expect("piped"), Arc::clone(&lines));
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                sink.lock().expect("no panic while held").push(value);
            }
        });
        Self { child, lines, name }
    }

    /// The address that the service says it listens on.
    pub(crate) async fn address(&self) -> String {
        let lines = || self.lines.lock().expect("no panic while held").clone();
        eventually(&format!("{} listens", self.name), || {
            let lines = lines();
            let line = lines
                .iter()
                .find(|line| line["message"] == "listening" || line["message"] == "bus is up")?;
            line["address"].as_str().map(str::to_owned)
        })
        .await
    }

    /// Waits until the service listens.
    pub(crate) async fn listens(&self) {
        let is_listening = |line: &Value| line["message"] == "listening";
        eventually(&format!("{} listens", self.name), || {
            self.lines().iter().any(is_listening).then_some(())
        })
        .await;
    }

    pub(crate) fn lines(&self) -> Vec<Value> {
        self.lines.lock().expect("no panic while held").clone()
    }

    /// Closes the service's standard input, as its parent's death would, and waits for its end.
    pub(crate) async fn abandon(&mut self) -> ExitStatus {
        drop(self.child.stdin.take());
        let name = self.name;
        eventually(&format!("{name} ends"), || self.child.try_wait().expect("a child")).await
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Fails where it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Asks until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The value of the series whose line begins with `series`, 0 where there is none.
pub(crate) async fn metric(address: &str, series: &str) -> f64 {
    let text = reqwest::get(format!("http://{address}/metrics"))
        .await
        .expect("metrics are served")
        .text()
        .await
        .expect("metrics are text");
    text.lines()
        .filter_map(|line| line.strip_prefix(series)?.trim().parse::<f64>().ok())
        .sum()
}

/// Waits until the series has at least this value.
pub(crate) async fn metric_reaches(address: &str, series: &str, value: f64) {
    let started = Instant::now();
    while metric(address, series).await < value {
        assert!(started.elapsed() < PATIENCE, "{series} does not reach {value}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
