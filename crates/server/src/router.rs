//! Joins the routers of the APIs for each listener.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::post;

use crate::pace::Paces;
use crate::pool::{PoolSize, WorkPool};
use crate::recent::RecentQueries;
use crate::skopos::DeadCache;
use crate::state::State;
use crate::{
    alertmanager, influx, jaeger, layers, loki, otlp, prometheus, pushgateway, same_origin, skopos, text, web,
};

/// What handlers share: the state and the pools.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) state: State,
    pub(crate) queries: WorkPool,
    pub(crate) ingest: WorkPool,
    pub(crate) started_ms: i64,
    /// PromQL that was asked of late.
    pub(crate) recent: RecentQueries,
    /// How long queries took.
    pub(crate) paces: Paces,
    pub(crate) dead: DeadCache,
    /// Deltas of OTLP metrics, added up.
    pub(crate) delta_states: otlp::DeltaStates,
    /// Who may listen to notifications yet.
    pub(crate) listeners: prometheus::Listeners,
    /// Groups that jobs pushed.
    pub(crate) push_groups: pushgateway::PushGroups,
}

/// How handlers hold it.
pub(crate) type Shared = Arc<App>;

impl App {
    pub(crate) fn new(state: State) -> std::io::Result<Self> {
        let options = &state.options;
        let queries = PoolSize {
            threads: options.query_threads,
            concurrency: options.query.max_concurrency,
        };
        let ingest = PoolSize {
            threads: options.ingest_threads,
            concurrency: options.ingest_max_concurrency,
        };
        Ok(Self {
            queries: WorkPool::new("query", queries)?,
            ingest: WorkPool::new("ingest", ingest)?,
            started_ms: state.clock.now_ms(),
            recent: RecentQueries::default(),
            paces: Paces::default(),
            dead: DeadCache::default(),
            delta_states: otlp::DeltaStates::default(),
            listeners: prometheus::Listeners::default(),
            push_groups: pushgateway::PushGroups::open(state.options.pushgateway_folder.clone()),
            state,
        })
    }
}

/// Everything of port 9090.
pub(crate) fn http(app: &Shared) -> Router {
    let mut router = Router::new()
        .merge(prometheus::router())
        .merge(loki::router())
        .merge(jaeger::router())
        .merge(jaeger::collector_router())
        .merge(otlp::router())
        .merge(otlp::metrics_router())
        .merge(pushgateway::router())
        .merge(influx::router())
        .merge(skopos::router().layer(from_fn_with_state(
            app.state.options.cors_origin.clone(),
            same_origin::guard,
        )));
    if let Some(handle) = &app.state.alertmanager {
        router = router
            .merge(alertmanager::api_router(Arc::clone(handle)))
            .route("/api/v1/alerts", post(alertmanager::v1_gone));
    }
    let router = router
        .fallback(web::serve)
        .method_not_allowed_fallback(text::method_not_allowed);
    layers::wrap(
        router.with_state(Arc::clone(app)),
        app.state.options.cors_origin.as_ref(),
    )
}

/// Port 4318: OTLP over HTTP alone.
pub(crate) fn otlp_http(app: &Shared) -> Router {
    let router = otlp::router()
        .fallback(|| async { text::not_found() })
        .method_not_allowed_fallback(text::method_not_allowed);
    layers::wrap(
        router.with_state(Arc::clone(app)),
        app.state.options.cors_origin.as_ref(),
    )
}

/// Port 4317: OTLP over gRPC alone.
pub(crate) fn otlp_grpc(app: &Shared) -> Router {
    layers::watch(otlp::grpc::router(app))
}
