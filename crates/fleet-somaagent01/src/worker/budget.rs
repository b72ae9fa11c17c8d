//! Token budgets by tenant and persona in a rolling window. Takes `now`, has no clock.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::policy::Budgets;

/// Parts of the window that expire one by one.
const SLICES: i64 = 30;

/// Keeps what was spent.
#[derive(Debug)]
pub(super) struct BudgetKeeper {
    budgets: Budgets,
    spent: Mutex<HashMap<(String, String), VecDeque<Slice>>>,
}

#[derive(Debug)]
struct Slice {
    number: i64,
    tokens: u64,
}

/// The budget of a tenant's persona is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exceeded {
    pub(super) limit: u64,
    pub(super) spent: u64,
    pub(super) retry_after_seconds: i64,
}

impl BudgetKeeper {
    pub(super) fn new(budgets: Budgets) -> Self {
        Self {
            budgets,
            spent: Mutex::default(),
        }
    }

    /// Whether another turn may be paid for; one that is begun may overdraw.
    pub(super) fn check(&self, tenant: &str, persona: &str, now_ms: i64) -> Result<(), Exceeded> {
        let limit = self.limit(tenant, persona);
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let slices = spent.entry((tenant.to_owned(), persona.to_owned())).or_default();
        self.expire(slices, now_ms);
        let total: u64 = slices.iter().map(|slice| slice.tokens).sum();
        if total < limit {
            return Ok(());
        }
        let oldest = slices.front().map_or_else(|| self.slice(now_ms), |slice| slice.number);
        let frees_ms = (oldest + SLICES + 1) * self.slice_ms();
        Err(Exceeded {
            limit,
            spent: total,
            retry_after_seconds: (frees_ms - now_ms).max(0) / 1000 + 1,
        })
    }

    /// Books tokens.
    pub(super) fn spend(&self, tenant: &str, persona: &str, tokens: u64, now_ms: i64) {
        let number = self.slice(now_ms);
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let slices = spent.entry((tenant.to_owned(), persona.to_owned())).or_default();
        self.expire(slices, now_ms);
        match slices.back_mut() {
            Some(last) if last.number >= number => last.tokens += tokens,
            _ => slices.push_back(Slice { number, tokens }),
        }
    }

    /// Tenants and personas that the budgets know share series; a persona of another name has none.
    fn limit(&self, tenant: &str, persona: &str) -> u64 {
        let tokens = self.budgets.tokens.get(tenant).copied().unwrap_or_default();
        let share = self.budgets.personas.get(persona).copied().unwrap_or_default();
        (tokens as f64 * share) as u64
    }

    fn expire(&self, slices: &mut VecDeque<Slice>, now_ms: i64) {
        let oldest = self.slice(now_ms) - SLICES;
        while slices.front().is_some_and(|slice| slice.number < oldest) {
            slices.pop_front();
        }
    }

    fn slice(&self, now_ms: i64) -> i64 {
        now_ms / self.slice_ms()
    }

    fn slice_ms(&self) -> i64 {
        (i64::from(self.budgets.window_seconds) * 1000 / SLICES).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_MS: i64 = 1_700_000_000_000;

    fn keeper() -> BudgetKeeper {
        BudgetKeeper::new(Budgets {
            window_seconds: 300,
            tokens: [("acme".to_owned(), 1000)].into(),
            personas: [("tutor".to_owned(), 0.1), ("analyst".to_owned(), 0.9)].into(),
        })
    }

    #[test]
    fn a_budget_runs_out_and_comes_back_with_the_window() {
        let keeper = keeper();
        keeper.spend("acme", "tutor", 60, START_MS);
        assert_eq!(keeper.check("acme", "tutor", START_MS), Ok(()));
        keeper.spend("acme", "tutor", 60, START_MS + 100_000);
        let exceeded = keeper
            .check("acme", "tutor", START_MS + 100_000)
            .expect_err("120 of 100");
        assert_eq!((exceeded.limit, exceeded.spent), (100, 120));
        let after_ms = START_MS + 100_000 + exceeded.retry_after_seconds * 1000;
        assert!(keeper.check("acme", "tutor", after_ms - 20_000).is_err());
        assert_eq!(keeper.check("acme", "tutor", after_ms), Ok(()), "{exceeded:?}");
    }

    #[test]
    fn personas_do_not_share() {
        let keeper = keeper();
        keeper.spend("acme", "tutor", 5000, START_MS);
        assert_eq!(keeper.check("acme", "analyst", START_MS), Ok(()));
    }

    #[test]
    fn strangers_have_no_budget() {
        assert!(keeper().check("umbrella", "tutor", START_MS).is_err());
        assert!(keeper().check("acme", "pirate", START_MS).is_err());
    }
}
