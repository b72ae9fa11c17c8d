//! What a node is made of, tied together: stores, scraper, rules and configuration, and the server
//! that looks at them.

use std::net::SocketAddr;
use std::sync::Arc;

use skopos_core::ledger::Ledger;
use skopos_core::limits::TenantLimits;
use skopos_core::{Labels, SystemClock, TenantId, TimeRange};
use skopos_promql::Feature;
use skopos_rules::RuleGroups;
use skopos_scrape::{ScrapeManager, ScrapeOptions};
use skopos_server::views::Stores as _;
use skopos_server::{
    AdminApi, BuildInfo, FleetView, OtlpPorts, QueryLog, QueryOptions, Readiness, RemoteReadOptions, Role, SearchApi,
    Server, ServerOptions, State, WebGuard,
};

use super::alerting::{Alerting, Page, Parts};
use super::config::{Configuration, ConfiguredParts};
use super::proving::Proving;
use super::remote_write::{BacklogLimits, RemoteWrites};
use super::rules::{self, RuleDriver};
use super::sources::Loaded;
use super::stores::NodeStores;
use super::targets::{self, OwnMetrics};
use crate::banner::Addresses;
use crate::cli::serve::ServeArgs;
use crate::dead_letters::Desk;
use crate::telemetry::Telemetry;

/// The parts of a node.
pub(super) struct Wiring {
    pub(super) stores: Arc<NodeStores>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) scraper: Arc<ScrapeManager>,
    pub(super) driver: RuleDriver,
    pub(super) configuration: Arc<Configuration>,
    pub(super) alerting: Arc<Alerting>,
    pub(super) remote_writes: Arc<RemoteWrites>,
    /// The dead letters of the event bus, if it looks at one.
    pub(super) dead_letters: Option<Arc<Desk>>,
    groups: Arc<RuleGroups>,
}

impl Wiring {
    /// Opens the stores, lets own telemetry flow into them, and applies what was loaded.
    pub(super) async fn new(
        args: &ServeArgs,
        loaded: Loaded,
        addresses: &Addresses,
        telemetry: &Arc<Telemetry>,
    ) -> anyhow::Result<Self> {
        let limits = TenantLimits::default();
        let stores = Arc::new(NodeStores::open(args, &loaded.config.storage, limits.clone())?);
        let tenant = stores.tenant(&TenantId::default());
        if !args.remote.agent {
            telemetry.connect(Arc::clone(&tenant.log_sink), Arc::clone(&tenant.trace_sink));
        }
        let ledger = Arc::new(Ledger::default());
        let options = ScrapeOptions {
            ledger: Arc::clone(&ledger),
            created_timestamp_zero_ingestion: args.features().created_zeros == Feature::Enabled,
            ..ScrapeOptions::default()
        };
        let scraper = Arc::new(ScrapeManager::new(Arc::clone(&tenant.metric_sink), options));
        let groups = Arc::new(RuleGroups::new());
        let query_log: Arc<QueryLog> = Arc::default();
        let driver = RuleDriver::new(Arc::clone(&groups), &tenant, Arc::clone(&query_log), args);
        let remote_writes = Arc::new(remote_writes(args, &stores, &ledger));
        let parts = ConfiguredParts {
            stores: Arc::clone(&stores),
            scraper: Arc::clone(&scraper),
            driver: driver.clone(),
            remote_writes: Arc::clone(&remote_writes),
            limits,
            query_log,
            telemetry: Arc::clone(telemetry),
            runtime: tokio::runtime::Handle::current(),
        };
        let configuration = Configuration::new(args, loaded, parts, addresses)?;
        let configuration = Arc::new(configuration);
        let loaded = configuration.loaded();
        let alerting = Alerting::open(Parts {
            args: &args.alerting,
            storage_path: &args.storage_path,
            loaded: &loaded,
            external_url: configuration.external_url().to_owned(),
            reloader: Arc::clone(&configuration) as _,
            build: build_info(),
            stores: tenant,
            engine: Arc::new(rules::engine(args)),
        });
        let alerting = Arc::new(alerting.await?);
        configuration.set_alerting(Arc::clone(&alerting));
        let dead_letters = args.bus.as_deref().map(Desk::open).transpose()?.map(Arc::new);
        let own = OwnMetrics {
            ledger: Arc::clone(&ledger),
            alertmanager: Arc::clone(&alerting.handle),
            dead_letters: dead_letters.clone().map(|desk| desk as _),
        };
        targets::add_self(&scraper, args.self_scrape_interval, addresses.http, own)?;
        Ok(Self {
            stores,
            ledger,
            scraper,
            driver,
            configuration,
            alerting,
            remote_writes,
            dead_letters,
            groups,
        })
    }

    /// The server over these parts.
    pub(super) fn server(
        &self,
        args: &ServeArgs,
        addresses: &Addresses,
        readiness: Arc<Readiness>,
        fleet: Option<Arc<dyn FleetView>>,
        web: Option<Arc<WebGuard>>,
    ) -> anyhow::Result<Server> {
        let server = Server::new(State {
            stores: Arc::clone(&self.stores) as _,
            query_log: self.configuration.query_log(),
            promql: rules::engine(args),
            logql: skopos_logql::Engine::new(skopos_logql::EngineOptions::default()),
            rules: Arc::clone(&self.groups) as _,
            targets: Arc::clone(&self.scraper) as _,
            config: Arc::clone(&self.configuration) as _,
            dashboards: Arc::clone(&self.configuration) as _,
            proving: Arc::new(self.proving()),
            alertmanager: Some(Arc::clone(&self.alerting.handle)),
            alerting: Some(Arc::new(Page(Arc::clone(&self.alerting)))),
            dead_letters: self.dead_letters.clone().map(|desk| desk as _),
            remote_write: Some(Arc::clone(&self.remote_writes) as _),
            fleet,
            reloader: Arc::clone(&self.configuration) as _,
            ledger: Arc::clone(&self.ledger),
            limits: self.configuration.limits(),
            clock: Arc::new(SystemClock),
            build: build_info(),
            readiness,
            options: ServerOptions {
                web,
                ..server_options(args, addresses)
            },
        })?;
        Ok(server)
    }
}

impl Wiring {
    fn proving(&self) -> Proving {
        let alerting = Arc::clone(&self.alerting);
        let receivers = Arc::new(move |labels: &Labels| alerting.receivers_of(labels));
        let alerting = Arc::clone(&self.alerting);
        let incidents = Arc::new(move |range: TimeRange| alerting.known_incidents(range));
        let alerting = Arc::clone(&self.alerting);
        let silences = Arc::new(move || alerting.active_silences());
        Proving::new(Arc::clone(&self.configuration), receivers, silences, incidents)
    }
}

fn remote_writes(args: &ServeArgs, stores: &NodeStores, ledger: &Arc<Ledger>) -> RemoteWrites {
    let limits = BacklogLimits {
        bytes: args.remote.backlog_bytes,
        age: args.remote.backlog_time,
        flush_deadline: args.remote.flush_deadline,
    };
    let folder = args.storage_path.join("remote-write");
    RemoteWrites::new(stores.metrics().clone(), Arc::clone(ledger), folder, limits)
}

fn server_options(args: &ServeArgs, addresses: &Addresses) -> ServerOptions {
    let port = |address: Option<SocketAddr>| address.map(|address| address.port());
    ServerOptions {
        query: QueryOptions {
            timeout: args.query_timeout,
            max_concurrency: args.query_max_concurrency,
            max_samples: args.query_max_samples,
            slow_after: args.query_log_slow,
        },
        remote_read: RemoteReadOptions {
            max_samples: args.prometheus.remote_read_samples,
            frame_bytes: args.prometheus.remote_read_frame_bytes,
        },
        max_connections: args.prometheus.max_connections,
        admin_api: if args.prometheus.enable_admin_api {
            AdminApi::Enabled
        } else {
            AdminApi::Disabled
        },
        search_api: match args.features().search_api {
            Feature::Enabled => SearchApi::Enabled,
            Feature::Disabled => SearchApi::Disabled,
        },
        cors_origin: args.prometheus.some_origins(),
        role: if args.remote.agent { Role::Agent } else { Role::Server },
        statsd_flush_interval: args.statsd_flush_interval,
        pushgateway_folder: Some(args.storage_path.join("pushgateway")),
        otlp_ports: OtlpPorts {
            grpc: port(addresses.otlp_grpc),
            http: port(addresses.otlp_http),
        },
        ..ServerOptions::default()
    }
}

fn build_info() -> BuildInfo {
    BuildInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        revision: String::new(),
        branch: String::new(),
        build_date: String::new(),
    }
}
