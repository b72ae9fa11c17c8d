//! SIGTERM and SIGINT end the server, SIGHUP reloads its configuration.

use std::sync::Arc;

use anyhow::Context as _;
use skopos_server::views::Reloader;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Watches for signals until one asks for the end, and passes that on.
pub(super) fn watch(asked_to_stop: CancellationToken, reloader: Arc<dyn Reloader>) -> anyhow::Result<()> {
    let listen = |kind| signal(kind).context("failed to listen for signals");
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut hang_up = listen(SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hang_up.recv() => {
                    let reloader = Arc::clone(&reloader);
                    // The outcome is logged by the reloader itself.
                    drop(tokio::task::spawn_blocking(move || reloader.reload()).await);
                }
            }
        }
        tracing::info!("stopping: requests in flight are answered, then the stores are flushed");
        asked_to_stop.cancel();
    });
    Ok(())
}
