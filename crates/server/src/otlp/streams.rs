//! The streams of deltas of each tenant, which become cumulative here.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use skopos_core::TenantId;
use skopos_wire::otlp::DeltaStreams;

/// One state for each tenant that ever sent deltas. Whoever adds to one holds its lock until the
/// samples are stored, so that they are in order.
#[derive(Debug, Default)]
pub(crate) struct DeltaStates {
    tenants: Mutex<HashMap<TenantId, Arc<Mutex<DeltaStreams>>>>,
}

impl DeltaStates {
    /// The state of a tenant.
    pub(crate) fn of(&self, tenant: &TenantId) -> Arc<Mutex<DeltaStreams>> {
        Arc::clone(self.tenants.lock().entry(tenant.clone()).or_default())
    }
}
