//! Runs the listeners until told to stop, then drains.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::listen::{Acceptor, Listeners};
use crate::options::Role;
use crate::pushgateway;
use crate::router::{self, App};
use crate::state::State;
use crate::statsd;
use crate::web_guard::{self, WebGuard};
use crate::{agent, classic};

/// The server: all APIs over one [`State`].
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
}

/// The threads of the worker pools cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("failed to start the worker threads: {0}")]
pub struct StartError(#[source] std::io::Error);

impl Server {
    /// Starts the worker pools; nothing is served yet.
    pub fn new(state: State) -> Result<Self, StartError> {
        let app = App::new(state).map_err(StartError)?;
        Ok(Self { app: Arc::new(app) })
    }

    /// Serves until `shutdown` is cancelled; then takes no new connection and returns when the
    /// requests in flight are answered or the drain timeout is over.
    pub async fn serve(self, listeners: Listeners, shutdown: CancellationToken) {
        let kill = CancellationToken::new();
        let connections = TaskTracker::new();
        let web = self.app.state.options.web.clone();
        let acceptor = |name, router: Router| Acceptor {
            name,
            router: guarded(
                match self.app.state.options.role {
                    Role::Server => router,
                    Role::Agent => agent::guard(router),
                },
                web.as_ref(),
            ),
            tls: web.clone().filter(|web| web.has_tls()),
            max_connections: self.app.state.options.max_connections,
            drain: shutdown.clone(),
            kill: kill.clone(),
            connections: connections.clone(),
        };
        let http = acceptor("http", router::http(&self.app)).run(listeners.http);
        let otlp_http = maybe(
            listeners
                .otlp_http
                .map(|listener| acceptor("otlp_http", router::otlp_http(&self.app)).run(listener)),
        );
        let otlp_grpc = maybe(
            listeners
                .otlp_grpc
                .map(|listener| acceptor("otlp_grpc", router::otlp_grpc(&self.app)).run(listener)),
        );
        connections.spawn(pushgateway::refresh(Arc::clone(&self.app), shutdown.clone()));
        if let Some(sockets) = listeners.statsd {
            connections.spawn(statsd::serve(Arc::clone(&self.app), sockets, shutdown.clone()));
        }
        for (api, listener) in listeners.classic {
            let acceptor = acceptor(api.port().name, classic::router(&self.app, api));
            connections.spawn(acceptor.run(listener));
        }
        tokio::join!(http, otlp_http, otlp_grpc);
        self.drain(&connections, &kill).await;
    }

    async fn drain(&self, connections: &TaskTracker, kill: &CancellationToken) {
        connections.close();
        let drain_timeout = self.app.state.options.drain_timeout;
        if tokio::time::timeout(drain_timeout, connections.wait()).await.is_err() {
            tracing::warn!(
                open = connections.len(),
                "connections still open after the drain timeout are closed"
            );
            kill.cancel();
            connections.wait().await;
        }
    }
}

fn guarded(router: Router, web: Option<&Arc<WebGuard>>) -> Router {
    match web {
        Some(web) => router.layer(from_fn_with_state(Arc::clone(web), web_guard::guard)),
        None => router,
    }
}

async fn maybe(acceptor: Option<impl Future<Output = ()>>) {
    if let Some(acceptor) = acceptor {
        acceptor.await;
    }
}
