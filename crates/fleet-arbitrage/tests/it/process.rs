//! Starts services as processes and asks them.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Client;

/// How long a thing that must happen may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// Where Cargo puts the example that is the system's program. `cargo test` without `--test` builds it with the tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let folder = test.ancestors().nth(2).expect("target/PROFILE/deps/it");
    let program = folder.join("examples/arbitrage");
    assert!(
        program.exists(),
        "build it with: cargo build -p skopos-fleet-arbitrage --example arbitrage"
    );
    program
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("bound").port()
}

/// A client; the crypto provider it wants is installed here.
pub(crate) fn client() -> Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::new()
}

/// One running service; killed when dropped.
pub(crate) struct Service {
    child: Child,
    pub(crate) url: String,
}

impl Service {
    /// Starts it and waits until it answers.
    pub(crate) async fn start(name: &str, port: u16, flags: &[&str]) -> Self {
        Self::start_with(name, port, flags, &[]).await
    }

    /// As [`Service::start`] with further variables of the environment.
    pub(crate) async fn start_with(name: &str, port: u16, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let address = format!("127.0.0.1:{port}");
        let mut child = Command::new(program())
            .args([name, "--exit-with-parent", "--listen", &address])
            .args(flags)
            .env("TRACE_SAMPLE_RATE", "1")
            .env_remove("OTEL_PROPAGATORS")
            .env_remove("RUST_LOG")
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the system's program starts");
        let output = child.stdout.take().expect("piped");
        // A full pipe would stop the service.
        std::thread::spawn(move || BufReader::new(output).lines().map_while(Result::ok).count());
        let service = Self {
            child,
            url: format!("http://{address}"),
        };
        let (started, client) = (Instant::now(), client());
        while client.get(format!("{}/health", service.url)).send().await.is_err() {
            assert!(started.elapsed() < PATIENCE, "{name} does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        service
    }

    /// Closes its standard input, as its parent's death would, and waits until it has drained and ended.
    pub(crate) async fn end(mut self) {
        drop(self.child.stdin.take());
        let started = Instant::now();
        while self.child.try_wait().expect("a child").is_none() {
            assert!(started.elapsed() < PATIENCE, "it does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Says a line to it, as a supervisor does.
    pub(crate) fn order(&self, line: &str) {
        let mut input = self.child.stdin.as_ref().expect("piped");
        writeln!(input, "{line}").expect("it listens");
    }

    pub(crate) async fn metrics(&self) -> String {
        let answer = client().get(format!("{}/metrics", self.url)).send().await;
        answer.expect("metrics are served").text().await.expect("text")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Fails where it has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The sum of the series whose name and labels contain all of `parts`.
pub(crate) fn value(text: &str, name: &str, labels: &[(&str, &str)]) -> f64 {
    let has_all = |line: &&str| {
        labels
            .iter()
            .all(|(key, value)| line.contains(&format!("{key}=\"{value}\"")))
    };
    text.lines()
        .filter(|line| line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} ")))
        .filter(has_all)
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}
