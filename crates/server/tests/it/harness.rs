//! A server on ports chosen by the system, over stores in a temporary folder.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;
use skopos_core::ledger::Ledger;
use skopos_core::limits::TenantLimits;
use skopos_core::{Labels, SystemClock, TenantId, TimeRange};
use skopos_dashboards::DashboardStore;
use skopos_logs::{LogStore, LogStoreOptions};
use skopos_metrics::{MetricStore, MetricStoreOptions};
use skopos_prove::backtest::KnownIncident;
use skopos_prove::{ProveOptions, Prover};
use skopos_rules::{RuleGroups, parse_rule_file};
use skopos_scrape::{TargetMetadata, Targets};
use skopos_server::options::Lifecycle;
use skopos_server::views::{
    ConfigView, DashboardsView, LoadedRules, Proof, ProvingView, ReloadStatus, Reloader, SignalStats, TargetsView,
};
use skopos_server::{
    BuildInfo, CLASSIC_PORTS, ClassicAddress, ClassicApi, ListenOptions, Listeners, Readiness, Server, ServerOptions,
    State, StorageStats, Stores, TenantStores,
};
use skopos_traces::{TraceStore, TraceStoreOptions};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A running server and a client.
pub(crate) struct Harness {
    pub(crate) http: SocketAddr,
    pub(crate) otlp_http: SocketAddr,
    pub(crate) otlp_grpc: SocketAddr,
    pub(crate) statsd: SocketAddr,
    pub(crate) classic: Vec<(ClassicApi, SocketAddr)>,
    pub(crate) client: Client,
    pub(crate) stores: Arc<TestStores>,
    pub(crate) ledger: Arc<Ledger>,
    shutdown: CancellationToken,
    server: JoinHandle<()>,
    folder: TempDir,
}

impl Harness {
    /// Starts a server.
    pub(crate) async fn start() -> Self {
        Self::with(ServerOptions::default()).await
    }

    /// Starts a server with options.
    pub(crate) async fn with(options: ServerOptions) -> Self {
        Self::on(tempfile::tempdir().expect("a temporary folder"), options).await
    }

    /// Starts a server over a folder that may have been another's.
    pub(crate) async fn on(folder: TempDir, options: ServerOptions) -> Self {
        let stores = Arc::new(TestStores::open(&folder));
        let ledger = Arc::new(Ledger::default());
        let classic = CLASSIC_PORTS.iter().map(|port| ClassicAddress {
            api: port.api,
            address: "127.0.0.1:0".to_owned(),
        });
        let listen = ListenOptions {
            http: "127.0.0.1:0".to_owned(),
            otlp_http: Some("127.0.0.1:0".to_owned()),
            otlp_grpc: Some("127.0.0.1:0".to_owned()),
            statsd: Some("127.0.0.1:0".to_owned()),
            classic: classic.collect(),
        };
        let listeners = Listeners::bind(&listen).await.expect("free ports");
        let server = Server::new(state(&stores, &ledger, options)).expect("threads start");
        let shutdown = CancellationToken::new();
        Self {
            http: listeners.http_address().expect("bound"),
            otlp_http: listeners.otlp_http_address().expect("bound"),
            otlp_grpc: listeners.otlp_grpc_address().expect("bound"),
            statsd: listeners.statsd_address().expect("bound"),
            classic: listeners.classic_addresses(),
            client: client(),
            stores,
            ledger,
            shutdown: shutdown.clone(),
            server: tokio::spawn(server.serve(listeners, shutdown)),
            folder,
        }
    }

    /// The URL of a path on the main port.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(self.url(path))
    }

    /// The JSON of a successful GET.
    pub(crate) async fn json(&self, path: &str, query: &[(&str, &str)]) -> Value {
        let answer = Answer::of(self.get(path).query(query)).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        answer.json()
    }

    /// Ends the server and waits until it has drained. Gives its folder.
    pub(crate) async fn stop(self) -> TempDir {
        self.shutdown.cancel();
        self.server.await.expect("the server ends without a panic");
        self.folder
    }

    /// The first value of a query.
    pub(crate) async fn value(&self, query: &str) -> Option<String> {
        let found = self.json("/api/v1/query", &[("query", query)]).await;
        found["data"]["result"][0]["value"][1].as_str().map(ToOwned::to_owned)
    }

    /// Asks until a query has the value.
    pub(crate) async fn until(&self, query: &str, wanted: &str) {
        let asked = async {
            while self.value(query).await.as_deref() != Some(wanted) {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let in_time = tokio::time::timeout(std::time::Duration::from_secs(30), asked).await;
        assert!(
            in_time.is_ok(),
            "{query} is {:?}, not {wanted}",
            self.value(query).await
        );
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: String,
    pub(crate) body: String,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// Sends a request and reads its answer.
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("the server answers");
        let status = response.status();
        let content_type = response.headers().get("content-type");
        let content_type = content_type
            .map_or("", |value| value.to_str().expect("ASCII"))
            .to_owned();
        let bytes = response.bytes().await.expect("a whole body").to_vec();
        Self {
            status,
            content_type,
            body: String::from_utf8_lossy(&bytes).into_owned(),
            bytes,
        }
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body))
    }
}

/// The text of a file of shared test data.
pub(crate) fn shared(path: &str) -> String {
    let folder = std::env::var_os("SKOPOS_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let file = folder.join(path);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("test data {}: {error}", file.display()))
}

fn client() -> Client {
    // The first test installs it; for the others it is there.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder().no_proxy().build().expect("a client")
}

fn state(stores: &Arc<TestStores>, ledger: &Arc<Ledger>, options: ServerOptions) -> State {
    let readiness = Arc::new(Readiness::default());
    readiness.set(true);
    State {
        stores: Arc::clone(stores) as _,
        query_log: Arc::default(),
        promql: skopos_promql::Engine::default(),
        logql: skopos_logql::Engine::default(),
        rules: Arc::new(RuleGroups::new()),
        targets: Arc::new(NoTargets),
        config: Arc::new(FixedConfig),
        dashboards: Arc::new(NoDashboards),
        proving: Arc::new(FixedProving::default()),
        alertmanager: Some(crate::alertmanager::handle()),
        alerting: None,
        dead_letters: None,
        remote_write: None,
        fleet: None,
        reloader: Arc::new(FailingReload),
        ledger: Arc::clone(ledger),
        limits: TenantLimits::default(),
        clock: Arc::new(SystemClock),
        build: BuildInfo {
            version: "1.2.3".to_owned(),
            revision: "abc".to_owned(),
            branch: "main".to_owned(),
            build_date: String::new(),
        },
        readiness,
        options,
    }
}

/// The three stores in one folder.
#[derive(Debug)]
pub(crate) struct TestStores {
    metrics: MetricStore,
    logs: LogStore,
    traces: TraceStore,
}

impl TestStores {
    fn open(folder: &TempDir) -> Self {
        Self {
            metrics: MetricStore::open(MetricStoreOptions::new(folder.path())).expect("metrics open"),
            logs: LogStore::open(LogStoreOptions::new(folder.path())).expect("logs open"),
            traces: TraceStore::open(TraceStoreOptions::new(folder.path())).expect("traces open"),
        }
    }
}

impl Stores for TestStores {
    fn tenant(&self, tenant: &TenantId) -> TenantStores {
        let metrics = self.metrics.tenant(tenant);
        let logs = self.logs.tenant(tenant);
        let traces = self.traces.tenant(tenant);
        TenantStores {
            metric_source: Arc::clone(&metrics) as _,
            own_metric_source: Arc::clone(&metrics) as _,
            metric_sink: Arc::clone(&metrics) as _,
            metric_admin: metrics,
            log_source: Arc::clone(&logs) as _,
            log_sink: logs,
            trace_source: Arc::clone(&traces) as _,
            trace_sink: traces,
        }
    }

    fn stats(&self) -> StorageStats {
        let logs = self.logs.stats();
        StorageStats {
            path: PathBuf::from("/data"),
            logs: SignalStats {
                groups: logs.streams,
                items: logs.entries,
                ..SignalStats::default()
            },
            ..StorageStats::default()
        }
    }
}

#[derive(Debug)]
struct NoTargets;

impl TargetsView for NoTargets {
    fn targets(&self) -> Targets {
        Targets::default()
    }

    fn metadata(&self) -> Vec<TargetMetadata> {
        Vec::new()
    }
}

#[derive(Debug)]
struct FixedConfig;

impl ConfigView for FixedConfig {
    fn yaml(&self) -> String {
        "global: {}\n".to_owned()
    }

    fn flags(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("query.timeout".to_owned(), "2m".to_owned())])
    }

    fn retention(&self) -> String {
        "15d".to_owned()
    }
}

#[derive(Debug)]
struct NoDashboards;

impl DashboardsView for NoDashboards {
    fn dashboards(&self) -> Arc<DashboardStore> {
        Arc::new(DashboardStore::default())
    }
}

/// The rules of the server: one alert on the gateway.
pub(crate) const RULES: &str = "groups:
- name: g
  rules:
  - {record: 'job:m', expr: sum by (job) (m)}
  - {alert: GatewayDown, expr: 'up{job=\"gatway\"} == 0', labels: {service: gateway}}
";

/// One rule file, one receiver, and one incident.
#[derive(Debug, Default)]
struct FixedProving {
    last: parking_lot::Mutex<Option<Arc<Proof>>>,
}

impl ProvingView for FixedProving {
    fn rules(&self) -> Arc<LoadedRules> {
        Arc::new(LoadedRules {
            files: vec![parse_rule_file(RULES, "alerts.yml").expect("the rules are valid")],
            interval_ms: 15_000,
            ..LoadedRules::default()
        })
    }

    fn receivers(&self, labels: &Labels) -> Vec<String> {
        vec![format!("team-{}", labels.get("service"))]
    }

    fn incidents(&self, range: TimeRange) -> Vec<KnownIncident> {
        vec![KnownIncident {
            start_ms: range.start_ms,
            end_ms: Some(range.start_ms + 1),
            alertnames: vec!["Never".to_owned()],
            ..KnownIncident::default()
        }]
    }

    fn last_proof(&self) -> Option<Arc<Proof>> {
        self.last.lock().clone()
    }

    fn prove(&self) -> Arc<Proof> {
        let report = Prover::new(&self.rules().files, ProveOptions::default()).prove(&mut |_| {});
        let proof = Arc::new(Proof {
            at_ms: 1,
            duration_ms: 2,
            report,
        });
        *self.last.lock() = Some(Arc::clone(&proof));
        proof
    }
}

#[derive(Debug)]
struct FailingReload;

impl Reloader for FailingReload {
    fn reload(&self) -> Result<(), String> {
        Err("prometheus.yml:3: unknown field \"scrap_configs\"".to_owned())
    }

    fn last_reload(&self) -> ReloadStatus {
        ReloadStatus {
            succeeded: true,
            loaded_at_ms: 0,
            attempted_at_ms: 0,
        }
    }
}

/// Options under which the lifecycle endpoints refuse, as in Prometheus without its flag.
pub(crate) fn without_lifecycle() -> ServerOptions {
    ServerOptions {
        lifecycle: Lifecycle::Disabled,
        ..ServerOptions::default()
    }
}
