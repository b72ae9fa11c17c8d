//! What the users of the shops do: one visit at a time, each drawn from the seed and its number.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::json;
use skopos_sdk::context::{RequestContext, TENANT_ID_HEADER, USER_ID_HEADER};

use crate::catalog::{TENANTS, Tenant};
use crate::tastes::World;

/// Heavy users of each shop, and the share of visits that is theirs.
const HEAD: u32 = 40;
const HEAD_SHARE: f64 = 0.95;
/// How often a tenant is visited, in the order of the catalogue.
const POPULARITY: [u32; 8] = [30, 25, 15, 12, 6, 5, 4, 3];

/// What one visit is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Visit {
    /// Looks at the recommendations, and then at these items.
    Browse(Vec<u32>),
    /// Looks at what is like an item.
    Similar(u32),
    /// Somebody of the shop looks at the bill.
    Bill,
    /// A client that asks for a user who does not exist.
    Mistake,
}

/// Whose visit it is, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) tenant: &'static Tenant,
    pub(super) user: u32,
    pub(super) visit: Visit,
}

/// The shops and a way to reach the backend.
pub(super) struct Shoppers {
    pub(super) client: Client,
    pub(super) backend: String,
    worlds: Vec<World>,
}

impl Shoppers {
    pub(super) fn new(client: Client, backend: String) -> Self {
        Self {
            client,
            backend,
            worlds: TENANTS.iter().map(World::of).collect(),
        }
    }

    /// The visit of that number; `customers` is how many tenants of the catalogue have signed up.
    pub(super) fn plan(&self, seed: u64, number: u64, customers: usize) -> Plan {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(number);
        let at = pick(&POPULARITY[..customers.clamp(1, POPULARITY.len())], &mut random);
        let (tenant, world) = (&TENANTS[at], &self.worlds[at]);
        let head = random.random_bool(HEAD_SHARE);
        let user = random.random_range(0..if head { HEAD } else { tenant.users });
        let visit = match random.random_range(0..100) {
            0 => Visit::Mistake,
            1..=4 => Visit::Bill,
            5..=19 => Visit::Similar(random.random_range(0..tenant.items)),
            _ => {
                let items = random.random_range(0..4);
                Visit::Browse((0..items).filter_map(|_| world.choose(user, &mut random)).collect())
            }
        };
        Plan { tenant, user, visit }
    }

    /// Carries a visit out. What the backend refuses is the backend's to count.
    pub(super) async fn visit(&self, plan: &Plan, random: &mut impl Rng) -> reqwest::Result<()> {
        let base = &self.backend;
        match &plan.visit {
            Visit::Mistake => {
                let user = plan.tenant.users;
                let url = format!("{base}/v1/recommendations?user={user}");
                self.send(plan, self.client.get(url)).await?;
            }
            Visit::Bill => {
                self.send(plan, self.client.get(format!("{base}/v1/usage"))).await?;
            }
            Visit::Similar(item) => {
                let url = format!("{base}/v1/items/{item}/similar");
                self.send(plan, self.client.get(url)).await?;
            }
            Visit::Browse(items) => {
                let url = format!("{base}/v1/recommendations?user={}", plan.user);
                let status = self.send(plan, self.client.get(url)).await?;
                if status.is_success() && !items.is_empty() {
                    self.interact(plan, items, random).await?;
                }
            }
        }
        Ok(())
    }

    async fn interact(&self, plan: &Plan, items: &[u32], random: &mut impl Rng) -> reqwest::Result<()> {
        let interactions: Vec<_> = items
            .iter()
            .map(|item| json!({ "user": plan.user, "item": item, "action": World::act(random) }))
            .collect();
        let url = format!("{}/v1/interactions", self.backend);
        let body = json!({ "interactions": interactions });
        self.send(plan, self.client.post(url).json(&body)).await.map(|_| ())
    }

    pub(super) async fn send(&self, plan: &Plan, request: RequestBuilder) -> reqwest::Result<StatusCode> {
        let request = request
            .header(TENANT_ID_HEADER, plan.tenant.id)
            .header(USER_ID_HEADER, format!("user-{}", plan.user));
        let sent = skopos_sdk::client::send(&self.client, request);
        let context = RequestContext {
            tenant_id: Some(plan.tenant.id.to_owned()),
            user_id: Some(format!("user-{}", plan.user)),
            request_id: None,
        };
        let answer = context.scope(sent).await?;
        let status = answer.status();
        // Read to its end, so that the connection is used again.
        answer.bytes().await?;
        Ok(status)
    }
}

/// A place among the weights.
fn pick(weights: &[u32], random: &mut impl Rng) -> usize {
    let mut at = random.random_range(0..weights.iter().sum());
    let found = weights.iter().position(|weight| {
        let is_here = at < *weight;
        at = at.saturating_sub(*weight);
        is_here
    });
    found.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn shoppers() -> Shoppers {
        Shoppers::new(crate::ml_engine::http_client().expect("a client"), String::new())
    }

    #[test]
    fn the_seed_and_the_number_say_everything() {
        let shoppers = shoppers();
        let plans = |seed| {
            (0..300)
                .map(|number| shoppers.plan(seed, number, 8))
                .collect::<Vec<_>>()
        };
        assert_eq!(plans(1), plans(1));
        assert_ne!(plans(1), plans(2));
        let tenants: BTreeSet<&str> = plans(1).iter().map(|plan| plan.tenant.id).collect();
        assert_eq!(tenants.len(), 8);
        for is_there in [
            |visit: &Visit| matches!(visit, Visit::Browse(items) if !items.is_empty()),
            |visit: &Visit| matches!(visit, Visit::Similar(_)),
            |visit: &Visit| *visit == Visit::Bill,
            |visit: &Visit| *visit == Visit::Mistake,
        ] {
            assert!(plans(1).iter().any(|plan| is_there(&plan.visit)));
        }
    }

    #[test]
    fn who_has_not_signed_up_is_not_visited() {
        let shoppers = shoppers();
        assert!((0..300).all(|number| shoppers.plan(1, number, 4).tenant.is_founder));
    }

    #[test]
    fn a_weight_is_a_share() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let picked = (0..1000).filter(|_| pick(&[1, 3], &mut random) == 1).count();
        assert!((650..850).contains(&picked), "{picked}");
        assert_eq!(pick(&[0, 1], &mut random), 1);
    }
}
