//! `/metrics` on a port of its own, for services without a router and for `APM_BACKEND=prometheus`.

use std::io;
use std::net::{SocketAddr, TcpListener};

use prometheus::Registry;
use tokio::runtime::Runtime;

use crate::metrics;
use crate::settings::ListenerSettings;

/// A listener that is being served until the export runtime ends.
#[derive(Debug)]
pub(crate) struct Listener {
    /// The bound address, which tells the port where 0 was asked for.
    pub(crate) address: SocketAddr,
}

impl Listener {
    /// Binds now, so that a port that is taken is known at once, and serves on the export runtime.
    pub(crate) fn start(
        settings: &ListenerSettings,
        path: &str,
        registry: Registry,
        runtime: &Runtime,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((settings.host.as_str(), settings.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let _entered = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let router = metrics::router(path, registry);
        runtime.spawn(async move {
            // Serving ends with the runtime; accept errors are retried within.
            drop(axum::serve(listener, router).await);
        });
        Ok(Self { address })
    }
}
