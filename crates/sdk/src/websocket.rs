//! Open WebSocket connections as a gauge: `websocket_connections_active`.
//!
//! ```
//! use skopos_sdk::websocket::WebSocketConnections;
//!
//! let registry = prometheus::Registry::new();
//! let connections = WebSocketConnections::register(&registry)?;
//! let open = connections.open();
//! assert_eq!(connections.active(), 1);
//! drop(open);
//! assert_eq!(connections.active(), 0);
//! # Ok::<(), prometheus::Error>(())
//! ```

use prometheus::{IntGauge, Registry};

/// The gauge; clones share it.
#[derive(Debug, Clone)]
pub struct WebSocketConnections {
    active: IntGauge,
}

impl WebSocketConnections {
    /// Registers the gauge.
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let active = IntGauge::new("websocket_connections_active", "WebSocket connections that are open.")?;
        registry.register(Box::new(active.clone()))?;
        Ok(Self { active })
    }

    /// Counts one connection until the guard is dropped; it belongs into the task that serves the connection.
    pub fn open(&self) -> WebSocketConnection {
        self.active.inc();
        WebSocketConnection {
            active: self.active.clone(),
        }
    }

    /// Connections that are open now.
    pub fn active(&self) -> i64 {
        self.active.get()
    }
}

/// One open connection.
#[derive(Debug)]
#[must_use = "the connection counts as closed when its guard is dropped"]
pub struct WebSocketConnection {
    active: IntGauge,
}

impl Drop for WebSocketConnection {
    fn drop(&mut self) {
        self.active.dec();
    }
}
