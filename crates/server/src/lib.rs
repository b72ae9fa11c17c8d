//! The doors of Skopos: listeners and all HTTP and gRPC APIs.
//!
//! ```text
//!  :9090 HTTP ─┐                       ┌─ prometheus  loki  jaeger  otlp  alertmanager  skopos  web
//!  :4318 OTLP ─┼─▶ listen ─▶ layers ─▶─┤        │ tenant, body limits, params
//!  :4317 gRPC ─┤   (h1, h2c) (metrics, │        ▼
//!  classic ─────┘    drain     span,    │   WorkPools: queries │ ingest   (never the async threads)
//!                             panics)  │        ▼
//!                                      └─ State: stores, engines, views, ledger, clock
//! ```
//!
//! One module per API, all of one shape: `router()` names the routes, handlers read parameters,
//! hand CPU work to a pool and encode the answer. Nothing here opens stores, evaluates rules or
//! scrapes: the binary wires those and passes them in as a [`State`].

mod agent;
pub mod alertmanager;
pub mod classic;
pub mod listen;
pub mod options;
pub mod state;
pub mod views;

mod body;
mod doors;
mod influx;
mod ingest;
mod jaeger;
mod json;
mod layers;
mod loki;
mod number;
mod otlp;
mod pace;
mod params;
mod pool;
mod prometheus;
mod pushgateway;
mod query;
mod query_log;
mod query_stats;
mod recent;
mod request_span;
mod router;
mod same_origin;
mod server;
mod skopos;
mod statsd;
mod telemetry;
mod tenant;
mod text;
mod time;
mod web;
mod web_guard;

pub use alertmanager::{AlertmanagerHandle, ChangeSink};
pub use classic::{CLASSIC_PORTS, ClassicApi, ClassicPort};
pub use listen::{BindError, ClassicAddress, ListenOptions, Listeners};
pub use options::{AdminApi, BuildInfo, OtlpPorts, QueryOptions, RemoteReadOptions, Role, SearchApi, ServerOptions};
pub use pool::STACK_BYTES as QUERY_STACK_BYTES;
pub use prometheus::own_metrics;
pub use query_log::{QueryLog, RuleQueryDone};
pub use server::Server;
pub use skopos::alerting::{
    AlertText, AlertingAnswer, AlertingCall, AlertingError, AlertingView, IncidentsQuery, NotificationsQuery, Said,
};
pub use skopos::dlq::{
    DeadLettersAnswer, DeadLettersCall, DeadLettersError, DeadLettersView, LetterFilter, LetterWork, RUNNING,
};
pub use state::{Readiness, State};
pub use views::{
    ConfigView, DashboardsView, FleetFault, FleetProcess, FleetView, LoadedRules, Proof, ProvingView, Reloader,
    RulesView, StorageStats, Stores, TargetsView, TenantStores,
};
pub use web_guard::{WebConfigError, WebGuard};
