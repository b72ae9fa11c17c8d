//! The users of the gateway: each carries a plan out with a token of its own.

mod reply;
mod visit;

use std::ops::ControlFlow;
use std::time::Duration;

use reqwest::Client;
use tokio_util::sync::CancellationToken;

use self::visit::Visit;
use super::plan::{Conduct, Plan};
use crate::gateway::token::{Claims, Keys};
use crate::topics::ReplyStatus;
use skopos_fleet_frame::{FleetError, http_client};

/// One request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Life of a token in seconds.
const TOKEN_SECONDS: i64 = 900;

/// The users' side of the gateway.
#[derive(Clone)]
pub(super) struct Users {
    client: Client,
    gateway: String,
    keys: Keys,
    stop: CancellationToken,
}

impl Users {
    pub(super) fn new(gateway: &str, keys: Keys, stop: CancellationToken) -> Result<Self, FleetError> {
        let client = http_client(REQUEST_TIMEOUT)
            .user_agent(concat!("skopos-traffic/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(FleetError::HttpClient)?;
        Ok(Self {
            client,
            gateway: gateway.trim_end_matches('/').to_owned(),
            keys,
            stop,
        })
    }

    pub(super) async fn is_gateway_ready(&self) -> bool {
        let answer = self.client.get(format!("{}/health", self.gateway)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Waits, unless told to stop.
    pub(super) async fn pause(&self, pause: Duration) -> ControlFlow<()> {
        tokio::select! {
            () = self.stop.cancelled() => ControlFlow::Break(()),
            () = tokio::time::sleep(pause) => ControlFlow::Continue(()),
        }
    }

    /// Carries a conversation out; the status of the last reply, where one came.
    pub(super) async fn converse(&self, plan: &Plan) -> Option<ReplyStatus> {
        let visit = Visit {
            users: self,
            plan,
            token: self.token(plan),
        };
        if plan.conduct == Conduct::LostSession {
            visit.read_lost_session().await;
            return None;
        }
        let session = visit.open().await?;
        visit.talk(&session).await
    }

    fn token(&self, plan: &Plan) -> Option<String> {
        let now = jiff::Timestamp::now().as_second();
        let expired = plan.conduct == Conduct::ExpiredToken;
        let claims = Claims {
            sub: plan.user.to_owned(),
            tenant: plan.tenant.to_owned(),
            role: plan.conduct.role().to_owned(),
            region: None,
            exp: if expired { now - 60 } else { now + TOKEN_SECONDS },
        };
        match plan.conduct {
            Conduct::NoToken => None,
            Conduct::ForgedToken => Some(Keys::new("a guess").sign(&claims)),
            _ => Some(self.keys.sign(&claims)),
        }
    }
}
