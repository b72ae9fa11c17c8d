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

/// Warms the cache for the founders, says that the service is ready, and renews until told to stop.
pub(super) async fn run(backend: &Arc<Backend>, stop: CancellationToken) {
    let started = Instant::now();
    for tenant in TENANTS.iter().filter(|tenant| tenant.is_founder) {
        for user in 0..HEAD.min(tenant.users) {
            backend.cache.expect((tenant.id, user));
        }
        while !renew(backend, tenant, (0..HEAD).collect()).await && started.elapsed() < FIRST_LIMIT {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(FIRST_PAUSE) => {}
            }
        }
    }
    tracing::info!(duration_ms = started.elapsed().as_millis() as u64, "the cache is warm");
    backend.is_ready.store(true, Ordering::Relaxed);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RENEWAL) => {}
        }
        let mut hot: BTreeMap<&'static str, Vec<u32>> = BTreeMap::new();
        for (tenant, user) in backend.cache.hot() {
            hot.entry(tenant).or_default().push(user);
        }
        for tenant in backend.accounts.all() {
            if let Some(users) = hot.remove(tenant.id) {
                renew(backend, tenant, users).await;
            }
        }
    }
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
