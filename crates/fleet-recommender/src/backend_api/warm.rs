//! Keeps hot lists warm: they are made anew before they grow too old, so that users seldom wait for the model.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::Backend;
use crate::catalog::{TENANTS, Tenant};
use crate::ranking::{Batch, DEFAULT_COUNT, MAX_BATCH};

/// Users of each founder that are expected to come first: low numbers are the heavy users.
const HEAD: u32 = 40;
/// Pause while a model is still missing.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// After this the backend serves without having been warmed.
const FIRST_LIMIT: Duration = Duration::from_mins(1);
/// How often hot lists are renewed.
const RENEWAL: Duration = Duration::from_mins(1);

/// Why the cache was not warm in the end.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum NotWarm {
    #[error("the engine has no lists yet")]
    NoLists,
    #[error("the service was told to stop")]
    Stopped,
}

/// Warms the cache for the founders, says that the service is ready, and renews until told to stop.
pub(super) async fn run(backend: &Arc<Backend>, stop: CancellationToken) {
    let warmed = backend.timings.time("warm_cache", warm(backend, &stop)).await;
    if warmed == Err(NotWarm::Stopped) {
        return;
    }
    // Lists that are still missing are made when they are asked for.
    backend.is_ready.store(true, Ordering::Relaxed);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RENEWAL) => {}
        }
        // What went wrong is told by the timings; the next round tries again.
        let renewed = backend.timings.time("renew_cache", renew_hot(backend)).await;
        renewed.unwrap_or_default();
    }
}

async fn warm(backend: &Backend, stop: &CancellationToken) -> Result<(), NotWarm> {
    let started = Instant::now();
    let mut all = true;
    for tenant in TENANTS.iter().filter(|tenant| tenant.is_founder) {
        for user in 0..HEAD.min(tenant.users) {
            backend.cache.expect((tenant.id, user));
        }
        loop {
            let has_lists = renew(backend, tenant, (0..HEAD).collect()).await;
            if has_lists || started.elapsed() >= FIRST_LIMIT {
                all &= has_lists;
                break;
            }
            tokio::select! {
                () = stop.cancelled() => return Err(NotWarm::Stopped),
                () = tokio::time::sleep(FIRST_PAUSE) => {}
            }
        }
    }
    if all { Ok(()) } else { Err(NotWarm::NoLists) }
}

/// Makes the lists anew that were asked for lately.
async fn renew_hot(backend: &Backend) -> Result<(), NotWarm> {
    let mut hot: BTreeMap<&'static str, Vec<u32>> = BTreeMap::new();
    for (tenant, user) in backend.cache.hot() {
        hot.entry(tenant).or_default().push(user);
    }
    let mut all = true;
    for tenant in backend.accounts.all() {
        if let Some(users) = hot.remove(tenant.id) {
            all &= renew(backend, tenant, users).await;
        }
    }
    if all { Ok(()) } else { Err(NotWarm::NoLists) }
}

/// Whether the engine gave lists for the users.
async fn renew(backend: &Backend, tenant: &'static Tenant, mut users: Vec<u32>) -> bool {
    users.truncate(MAX_BATCH);
    let batch = Batch {
        users,
        count: DEFAULT_COUNT,
    };
    let Some(answer) = backend.upstream.batch(tenant, &batch).await else {
        return false;
    };
    for (user, ranking) in answer.rankings {
        backend.cache.put((tenant.id, user), &ranking).await;
    }
    true
}
