//! A service under observation, and the requests that are made of it.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::get;
use skopos_sdk::Observability;
use tower::ServiceExt;

use crate::support::{set_up, value};

/// A service whose every request makes two spans and a log line. `/work` succeeds, `/fail` does not.
pub(crate) struct Service {
    router: Router,
    pub(crate) observability: Observability,
}

impl Service {
    pub(crate) fn start(vars: &[(&str, &str)]) -> Self {
        let (observability, _) = set_up(vars);
        let layer = observability.http_layer().expect("metrics register");
        let work = || async {
            tracing::info_span!("work", step = 1).in_scope(|| tracing::info!("done"));
        };
        let fail = || async {
            tracing::info_span!("work", step = 1).in_scope(|| tracing::error!("broken"));
            StatusCode::INTERNAL_SERVER_ERROR
        };
        let router = Router::new()
            .route("/work", get(work))
            .route("/fail", get(fail))
            .layer(layer);
        Self { router, observability }
    }

    /// Serves so many requests, each of which must succeed.
    pub(crate) fn serve(&self, requests: usize) {
        self.ask("/work", StatusCode::OK, requests);
    }

    /// Serves so many requests, each of which must be answered as one that fails.
    pub(crate) fn fail(&self, requests: usize) {
        self.ask("/fail", StatusCode::INTERNAL_SERVER_ERROR, requests);
    }

    fn ask(&self, path: &str, answered: StatusCode, requests: usize) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        tracing::dispatcher::with_default(self.observability.dispatch(), || {
            runtime.block_on(async {
                for _ in 0..requests {
                    let request = Request::builder().uri(path).body(Body::empty()).expect("a request");
                    let response = self.router.clone().oneshot(request).await.expect("infallible");
                    assert_eq!(response.status(), answered);
                }
            });
        });
    }

    pub(crate) fn metric(&self, series: &str) -> f64 {
        value(&self.observability.render_metrics(), series)
    }

    pub(crate) fn dropped_because(&self, what: &str, reason: &str) -> f64 {
        self.metric(&format!("{what}_dropped_total{{reason=\"{reason}\"}}"))
    }

    /// What did not get out of `spans`, `logs` or `metrics`.
    pub(crate) fn dropped(&self, what: &str) -> f64 {
        let what = format!("otel_{what}");
        self.dropped_because(&what, "queue_full") + self.dropped_because(&what, "export_failed")
    }

    pub(crate) fn exported(&self, what: &str) -> f64 {
        self.metric(&format!("otel_{what}_exported_total"))
    }
}
