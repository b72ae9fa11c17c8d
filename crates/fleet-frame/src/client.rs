//! The client that services ask one another with.

use std::time::Duration;

use reqwest::{Client, ClientBuilder};

/// Begins a client; a request may take so long at most.
pub fn http_client(timeout: Duration) -> ClientBuilder {
    // The client wants a provider even where nothing is encrypted; a second installation is refused, and harmless.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder().timeout(timeout)
}
