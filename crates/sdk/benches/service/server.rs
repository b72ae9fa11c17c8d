//! The two servers, each a process that is this program again.

use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use skopos_sdk::{Observability, ObservabilityBuilder, Settings};

use crate::{kinds, processor};

/// First argument of a server's process.
pub(crate) const SERVE: &str = "--serve";

/// What a server is: the router alone, or with the SDK and a share of sampled requests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Serves {
    Plain,
    Unsampled,
    OneInTen,
    Sampled,
}

impl Serves {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Unsampled => "0",
            Self::OneInTen => "0.1",
            Self::Sampled => "1",
        }
    }

    pub(crate) fn of(word: &str) -> Self {
        let all = [Self::Plain, Self::Unsampled, Self::OneInTen, Self::Sampled];
        let found = all.into_iter().find(|serves| serves.word() == word);
        found.expect("a kind of server")
    }
}

/// A server's process; ends with this value.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// Processor time when it was last asked for.
    asked: Duration,
}

impl Server {
    pub(crate) fn start(serves: Serves) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program's path"))
            .args([SERVE, serves.word()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("an address");
        let address = line.trim().parse().expect("an address");
        Self {
            child,
            address,
            asked: Duration::ZERO,
        }
    }

    /// Processor time since this was last asked, or since the start.
    pub(crate) fn used_since_asked(&mut self) -> Duration {
        let now = self.processor_time();
        now.saturating_sub(std::mem::replace(&mut self.asked, now))
    }

    /// Processor time of all its threads so far. Exact while they wait, as between two rounds.
    fn processor_time(&self) -> Duration {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("Linux");
        let of = |thread: std::fs::DirEntry| {
            let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
        };
        threads.flatten().filter_map(of).sum()
    }

    /// Ends its input, and with that the process; tells how that ended, also where something else was first.
    pub(crate) fn end(&mut self) -> std::io::Result<ExitStatus> {
        drop(self.child.stdin.take());
        self.child.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.end());
    }
}

#[derive(Debug)]
struct Sink;

impl SpanExporter for Sink {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        drop(black_box(batch));
        Ok(())
    }
}

fn sdk(share: &str) -> Observability {
    let settings = Settings::from_lookup("bench", "1", |name| {
        (name == "TRACE_SAMPLE_RATE").then(|| share.to_owned())
    });
    ObservabilityBuilder::new(settings.expect("valid"))
        .log_sink(Arc::new(|line| {
            black_box(line);
        }))
        .span_exporter(Sink)
        .install()
        .expect("the first set-up")
}

/// The router, and what observes it.
pub(crate) fn service(serves: Serves) -> (axum::Router, Option<Observability>) {
    let router = kinds::router();
    if serves == Serves::Plain {
        return (router, None);
    }
    let observability = sdk(serves.word());
    let layer = observability.http_layer().expect("metrics register");
    (router.layer(layer), Some(observability))
}

/// Serves until standard input ends; the address is written to standard output.
pub(crate) fn serve(serves: Serves) {
    processor::keep_to(processor::SERVER);
    let (router, observability) = service(serves);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .expect("binds");
    let address = listener.local_addr().expect("bound");
    runtime.spawn(async move { axum::serve(listener, router).await });
    let mut out = std::io::stdout();
    writeln!(out, "{address}")
        .and_then(|()| out.flush())
        .expect("the parent reads");
    // Ends with the parent, however that ends.
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap_or_default();
    if let Some(observability) = observability {
        observability.shutdown();
    }
}
