//! The tenants, how large their shops are, and what their plans allow and cost.

/// What a request is billed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Billable {
    /// One list of recommendations.
    Recommendations,
    /// One list of similar items.
    SimilarItems,
    /// One batch of interactions taken in.
    Interactions,
}

impl Billable {
    pub(crate) const ALL: [Self; 3] = [Self::Recommendations, Self::SimilarItems, Self::Interactions];

    /// Label of metrics and column of the ledger.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Recommendations => "recommendations",
            Self::SimilarItems => "similar_items",
            Self::Interactions => "interactions",
        }
    }
}

/// What a tenant may do and pays.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    /// Requests a second that are served; as many again may come at once.
    pub(crate) requests_per_second: u32,
    /// Prices in millionths of a US dollar, in the order of [`Billable::ALL`].
    prices: [i64; 3],
}

impl Plan {
    /// Price of one event, in millionths of a US dollar.
    pub(crate) fn price_micros(&self, billable: Billable) -> i64 {
        self.prices[billable as usize]
    }
}

/// A shop.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tenant {
    pub(crate) id: &'static str,
    pub(crate) plan: &'static Plan,
    pub(crate) users: u32,
    pub(crate) items: u32,
    /// Whether it is a customer from the start; the others may sign up.
    pub(crate) is_founder: bool,
}

const TRIAL: Plan = Plan {
    name: "trial",
    requests_per_second: 5,
    prices: [0, 0, 0],
};
const STARTER: Plan = Plan {
    name: "starter",
    requests_per_second: 10,
    prices: [1200, 600, 50],
};
const BUSINESS: Plan = Plan {
    name: "business",
    requests_per_second: 50,
    prices: [800, 400, 30],
};

/// All plans, as a label's values.
pub(crate) const PLANS: [&Plan; 3] = [&TRIAL, &STARTER, &BUSINESS];

/// Everybody who is or may become a customer: nobody else can make series.
pub(crate) const TENANTS: &[Tenant] = &[
    tenant("acme-video", &BUSINESS, 240, 160, true),
    tenant("nordic-books", &BUSINESS, 300, 200, true),
    tenant("pixel-games", &STARTER, 180, 120, true),
    tenant("farm-fresh", &STARTER, 160, 90, true),
    tenant("blue-cycles", &TRIAL, 120, 80, false),
    tenant("cafe-luna", &TRIAL, 100, 60, false),
    tenant("delta-tools", &STARTER, 140, 110, false),
    tenant("echo-audio", &TRIAL, 110, 70, false),
];

const fn tenant(id: &'static str, plan: &'static Plan, users: u32, items: u32, is_founder: bool) -> Tenant {
    Tenant {
        id,
        plan,
        users,
        items,
        is_founder,
    }
}

/// The tenant of that id.
pub(crate) fn find(id: &str) -> Option<&'static Tenant> {
    TENANTS.iter().find(|tenant| tenant.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tenant_is_found_by_its_id_alone() {
        for tenant in TENANTS {
            assert_eq!(find(tenant.id), Some(tenant));
        }
        assert_eq!(find("acme"), None);
    }

    #[test]
    fn a_price_is_that_of_its_kind() {
        let prices = Billable::ALL.map(|billable| STARTER.price_micros(billable));
        assert_eq!(prices, [1200, 600, 50]);
    }
}
