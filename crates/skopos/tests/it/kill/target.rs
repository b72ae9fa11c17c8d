//! A target whose counter counts its scrapes.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use parking_lot::Mutex;

use super::write;
use crate::program::Program;

/// The metric that it shows.
pub(super) const METRIC: &str = "kill_scrapes_total";

/// Serves `/metrics`.
pub(super) struct Target {
    address: std::net::SocketAddr,
    served: Arc<Mutex<Served>>,
    serving: tokio::task::JoinHandle<()>,
}

struct Served {
    count: u64,
    /// What was shown since the last look.
    shown: Vec<Shown>,
    note: Box<dyn Fn() -> u64 + Send>,
}

/// A count that was shown, and what was noted before it was.
pub(super) struct Shown {
    pub(super) count: u64,
    pub(super) note: u64,
}

impl Target {
    pub(super) async fn start() -> Self {
        Self::noting(|| 0).await
    }

    /// A target that takes a note before each answer.
    pub(super) async fn noting(note: impl Fn() -> u64 + Send + 'static) -> Self {
        let served = Arc::new(Mutex::new(Served {
            count: 0,
            shown: Vec::new(),
            note: Box::new(note),
        }));
        let router = Router::new()
            .route("/metrics", get(show))
            .with_state(Arc::clone(&served));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self {
            address,
            served,
            serving,
        }
    }

    /// Writes a configuration that scrapes it five times a second; gives its path.
    pub(super) fn configure(&self, folder: &Path) -> String {
        let file = folder.join("prometheus.yml");
        let text = format!(
            "scrape_configs:\n- job_name: target\n  scrape_interval: 200ms\n  static_configs: [{{targets: ['{}']}}]\n",
            self.address
        );
        std::fs::write(&file, text).expect("a file");
        file.display().to_string()
    }

    /// How many counts were shown since [`Target::take_shown`].
    pub(super) fn shown(&self) -> usize {
        self.served.lock().shown.len()
    }

    pub(super) fn take_shown(&self) -> Vec<u64> {
        self.take_noted().iter().map(|shown| shown.count).collect()
    }

    pub(super) fn take_noted(&self) -> Vec<Shown> {
        std::mem::take(&mut self.served.lock().shown)
    }
}

/// How many scrapes the server stored as failed.
pub(super) async fn failed_scrapes(program: &Program) -> usize {
    let ups = write::stored(program, "up").await;
    ups.iter().filter(|up| **up == 0).count()
}

/// Counts that were shown and not stored although a later one of the same time was.
pub(super) fn gaps(shown: &[u64], scraped: &BTreeSet<u64>) -> usize {
    let last = shown.iter().rposition(|count| scraped.contains(count));
    let last = last.expect("scrapes were stored");
    shown[..last].iter().filter(|count| !scraped.contains(count)).count()
}

impl Drop for Target {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Each ten counts are a series, so that series are made, continued and ended.
async fn show(State(served): State<Arc<Mutex<Served>>>) -> String {
    let mut served = served.lock();
    served.count += 1;
    let (count, note) = (served.count, (served.note)());
    served.shown.push(Shown { count, note });
    format!(
        "# TYPE {METRIC} counter\n{METRIC}{{block=\"{}\"}} {count}\n",
        count / 10
    )
}
