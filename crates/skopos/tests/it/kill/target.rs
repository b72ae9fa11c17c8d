//! A target whose counter counts its scrapes.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use parking_lot::Mutex;

/// The metric that it shows.
pub(super) const METRIC: &str = "kill_scrapes_total";

/// Serves `/metrics`.
pub(super) struct Target {
    address: std::net::SocketAddr,
    served: Arc<Mutex<Served>>,
    serving: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Served {
    count: u64,
    /// The counts that were shown since the last look.
    shown: Vec<u64>,
}

impl Target {
    pub(super) async fn start() -> Self {
        let served = Arc::new(Mutex::new(Served::default()));
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
        std::mem::take(&mut self.served.lock().shown)
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn show(State(served): State<Arc<Mutex<Served>>>) -> String {
    let mut served = served.lock();
    served.count += 1;
    let count = served.count;
    served.shown.push(count);
    format!("# TYPE {METRIC} counter\n{METRIC} {count}\n")
}
