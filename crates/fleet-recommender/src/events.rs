//! What users do, as it stands on the bus.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use skopos_bus::{BusConfig, HandleError, dlq_topic, ensure_topics};
use skopos_fleet_frame::FleetError;

use crate::catalog;

/// Interactions, from whoever sees them to the data pipeline.
pub(crate) const INTERACTIONS: &str = "recommender.interactions";
/// Type of an event with an [`Interaction`].
pub(crate) const INTERACTION_EVENT: &str = "recommender.interaction";

/// Partitions of the topic.
const PARTITIONS: i32 = 2;
/// How long a service waits for a bus that is still starting.
const BUS_PATIENCE: Duration = Duration::from_secs(30);

/// What a user did with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    View,
    Click,
    Purchase,
}

impl Action {
    /// How much it says about the user's taste.
    pub(crate) fn weight(self) -> f64 {
        match self {
            Self::View => 1.0,
            Self::Click => 2.0,
            Self::Purchase => 5.0,
        }
    }
}

/// One user, one item, one act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Interaction {
    pub(crate) tenant_id: String,
    pub(crate) user: u32,
    pub(crate) item: u32,
    pub(crate) action: Action,
}

impl Interaction {
    /// Reads and checks an event's data. What is wrong with it stays wrong, so it is not tried again.
    pub(crate) fn read(data: serde_json::Value) -> Result<Self, HandleError> {
        let interaction: Self = serde_json::from_value(data)
            .map_err(|error| HandleError::permanent("malformed_event", format!("not an interaction: {error}")))?;
        interaction.check()?;
        Ok(interaction)
    }

    /// Whether tenant, user and item exist.
    pub(crate) fn check(&self) -> Result<(), HandleError> {
        let Some(tenant) = catalog::find(&self.tenant_id) else {
            return Err(HandleError::permanent(
                "unknown_tenant",
                format!("there is no tenant {}", self.tenant_id),
            ));
        };
        if self.user >= tenant.users {
            return Err(HandleError::permanent(
                "unknown_user",
                format!("{} has users 0 to {}, not {}", tenant.id, tenant.users - 1, self.user),
            ));
        }
        if self.item >= tenant.items {
            return Err(HandleError::permanent(
                "unknown_item",
                format!("{} has items 0 to {}, not {}", tenant.id, tenant.items - 1, self.item),
            ));
        }
        Ok(())
    }
}

/// Makes the topic and its dead-letter topic, waiting for a bus that is still starting.
pub(crate) async fn ensure(bus: &BusConfig) -> Result<(), FleetError> {
    let dead = dlq_topic(INTERACTIONS);
    Ok(ensure_topics(bus, &[INTERACTIONS, &dead], PARTITIONS, BUS_PATIENCE).await?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_of_nonsense_has_its_own_name() {
        let of = |tenant: &str, user: u32, item: u32| json!({"tenant_id": tenant, "user": user, "item": item, "action": "view"});
        assert!(Interaction::read(of("acme-video", 0, 0)).is_ok());
        for (data, error_type) in [
            (json!({"tenant_id": "acme-video"}), "malformed_event"),
            (of("nobody", 0, 0), "unknown_tenant"),
            (of("acme-video", 240, 0), "unknown_user"),
            (of("acme-video", 0, 160), "unknown_item"),
        ] {
            let error = Interaction::read(data).expect_err("it is refused");
            assert_eq!((error.error_type.as_str(), error.retry), (error_type, false));
        }
    }
}
