//! Who is a customer now, and how many requests each may make.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use super::metrics::BackendMetrics;
use crate::catalog::{TENANTS, Tenant};

/// A customer.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) tenant: &'static Tenant,
    limiter: DefaultDirectRateLimiter,
}

impl Account {
    fn new(tenant: &'static Tenant) -> Self {
        let rate = NonZeroU32::new(tenant.plan.requests_per_second).unwrap_or(NonZeroU32::MIN);
        Self {
            tenant,
            limiter: RateLimiter::direct(Quota::per_second(rate)),
        }
    }

    /// Whether one more request is within the plan.
    pub(super) fn admits(&self) -> bool {
        self.limiter.check().is_ok()
    }
}

/// All customers.
#[derive(Debug)]
pub(super) struct Accounts {
    active: RwLock<BTreeMap<&'static str, Arc<Account>>>,
    metrics: BackendMetrics,
}

impl Accounts {
    /// The founders.
    pub(super) fn new(metrics: BackendMetrics) -> Self {
        let accounts = Self {
            active: RwLock::default(),
            metrics,
        };
        for tenant in TENANTS.iter().filter(|tenant| tenant.is_founder) {
            accounts.open(tenant);
        }
        accounts
    }

    /// Makes somebody a customer; false where that is so already.
    pub(super) fn open(&self, tenant: &'static Tenant) -> bool {
        let mut active = self.active.write().unwrap_or_else(PoisonError::into_inner);
        if active.contains_key(tenant.id) {
            return false;
        }
        active.insert(tenant.id, Arc::new(Account::new(tenant)));
        self.metrics.signed_up(tenant.plan.name);
        true
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Account>> {
        let active = self.active.read().unwrap_or_else(PoisonError::into_inner);
        active.get(id).cloned()
    }

    pub(super) fn all(&self) -> Vec<&'static Tenant> {
        let active = self.active.read().unwrap_or_else(PoisonError::into_inner);
        active.values().map(|account| account.tenant).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_admits_so_many_at_once_and_no_more() {
        let metrics = BackendMetrics::register(&prometheus::Registry::new()).expect("a new registry");
        let accounts = Accounts::new(metrics);
        assert!(accounts.get("blue-cycles").is_none());
        let trial = TENANTS
            .iter()
            .find(|tenant| tenant.id == "blue-cycles")
            .expect("listed");
        assert!(accounts.open(trial));
        assert!(!accounts.open(trial));
        let account = accounts.get("blue-cycles").expect("signed up");
        // Five a second; a slow machine may let another second's first in.
        let admitted = (0..50).filter(|_| account.admits()).count();
        assert!((5..50).contains(&admitted), "{admitted}");
        assert_eq!(accounts.all().len(), 5);
    }
}
