//! A source of targets that is asked again and again, and what it found on its way to
//! [`Discoveries`](crate::Discoveries).

use std::time::Duration;

use skopos_config::TargetGroup;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::error::DiscoveryError;
use crate::telemetry;

/// The first pause after a failure; each further one is twice as long, up to the interval.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// Where a source puts all groups that it knows, whenever they changed.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    index: usize,
    changes: mpsc::Sender<(usize, Vec<TargetGroup>)>,
    stop: CancellationToken,
}

impl Output {
    pub(crate) const fn new(
        index: usize,
        changes: mpsc::Sender<(usize, Vec<TargetGroup>)>,
        stop: CancellationToken,
    ) -> Self {
        Self { index, changes, stop }
    }

    /// Passes groups on; false when nobody wants them any more.
    pub(crate) async fn send(&self, groups: Vec<TargetGroup>) -> bool {
        self.changes.send((self.index, groups)).await.is_ok()
    }

    /// Waits; false when the source is to end.
    pub(crate) async fn pause(&self, pause: Duration) -> bool {
        tokio::select! {
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }

    /// Runs a source that follows changes by itself, until it is told to end.
    pub(crate) fn run<F: Future<Output = ()> + Send + 'static>(self, follow: impl FnOnce(Self) -> F) {
        let stop = self.stop.clone();
        let following = follow(self);
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = following => {}
            }
        });
    }
}

/// A source that is asked for everything at once.
pub(crate) trait Refresh: Send {
    /// All its targets as of now.
    fn refresh(&mut self) -> impl Future<Output = Result<Vec<TargetGroup>, DiscoveryError>> + Send;
}

/// What is known of a source, and how it is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rhythm {
    /// The source's name in logs and metrics.
    pub(crate) mechanism: &'static str,
    /// The pause between questions.
    pub(crate) interval: Duration,
}

/// Asks a source until it is told to end. `build` makes it, and again if that failed: certificates
/// and keys may come later.
pub(crate) async fn refresh<S: Refresh>(
    build: impl Fn() -> Result<S, DiscoveryError> + Send,
    rhythm: Rhythm,
    output: Output,
) {
    let mut source: Option<S> = None;
    let mut last: Option<Vec<TargetGroup>> = None;
    let mut retry = FIRST_RETRY;
    loop {
        let found = match ensure(&mut source, &build) {
            Ok(source) => tokio::select! {
                () = output.stop.cancelled() => return,
                found = source.refresh() => found,
            },
            Err(error) => Err(error),
        };
        let pause = match found {
            Ok(groups) => {
                count(rhythm.mechanism, "ok");
                retry = FIRST_RETRY;
                if last.as_ref() != Some(&groups) {
                    if !output.send(groups.clone()).await {
                        return;
                    }
                    last = Some(groups);
                }
                rhythm.interval
            }
            Err(error) => {
                count(rhythm.mechanism, "failed");
                tracing::error!(mechanism = rhythm.mechanism, %error, "discovery failed; its last targets stay");
                // The targets of other sources do not wait for this one.
                if last.is_none() {
                    if !output.send(Vec::new()).await {
                        return;
                    }
                    last = Some(Vec::new());
                }
                let pause = retry.min(rhythm.interval);
                retry = retry.saturating_mul(2);
                pause
            }
        };
        if !output.pause(pause).await {
            return;
        }
    }
}

fn ensure<'a, S>(
    source: &'a mut Option<S>,
    build: &impl Fn() -> Result<S, DiscoveryError>,
) -> Result<&'a mut S, DiscoveryError> {
    match source {
        Some(source) => Ok(source),
        None => Ok(source.insert(build()?)),
    }
}

/// Counts a question.
pub(crate) fn count(mechanism: &str, outcome: &str) {
    telemetry::REFRESHES.with_label_values(&[mechanism, outcome]).inc();
}
