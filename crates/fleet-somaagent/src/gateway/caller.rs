//! Who calls, and whether they may: a token that identity-service verifies, then a question to policy-engine.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderMap, StatusCode, header};

use super::Gateway;
use crate::identity::token::Claims;
use crate::identity::{Issued, Login, Presented};
use crate::policy::{Answer, Question};
use crate::refusal::Refusal;

/// A token for a user and password.
pub(super) async fn login(
    State(gateway): State<Arc<Gateway>>,
    login: Result<Json<Login>, JsonRejection>,
) -> Result<(StatusCode, Json<Issued>), Refusal> {
    let Json(login) = login?;
    let issued = gateway.identity.post("/v1/tokens", &login).await?;
    Ok((StatusCode::CREATED, Json(issued)))
}

impl Gateway {
    /// The claims of the request's token, where policy allows the action.
    pub(super) async fn admit(&self, headers: &HeaderMap, action: &str) -> Result<Claims, Refusal> {
        let claims = self.authenticate(headers).await?;
        self.authorize(
            &claims,
            Question {
                action: action.to_owned(),
                ..Question::default()
            },
        )
        .await?;
        Ok(claims)
    }

    pub(super) async fn authenticate(&self, headers: &HeaderMap) -> Result<Claims, Refusal> {
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "));
        let Some(token) = bearer else {
            self.metrics.refused("unauthenticated");
            return Err(Refusal::new(
                StatusCode::UNAUTHORIZED,
                "unauthenticated",
                "the request carries no token; get one with POST /v1/login and send it as Authorization: Bearer TOKEN",
            ));
        };
        let presented = Presented {
            token: token.to_owned(),
        };
        let verified = self.identity.post("/v1/tokens/verify", &presented).await;
        if let Err(error) = &verified
            && error.status() == Some(StatusCode::UNAUTHORIZED)
        {
            self.metrics.refused("unauthenticated");
        }
        Ok(verified?)
    }

    /// Asks the policy; role and tenant are those of the caller.
    pub(super) async fn authorize(&self, claims: &Claims, question: Question) -> Result<(), Refusal> {
        let question = Question {
            role: claims.role.clone(),
            tenant: claims.tenant.clone(),
            ..question
        };
        let answer: Answer = self.policy.post("/v1/evaluate", &question).await?;
        if answer.allow {
            return Ok(());
        }
        self.metrics.refused("denied");
        Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "policy_denied",
            format!(
                "{}; ask for a role that may, or change the request",
                answer.reasons.join("; ")
            ),
        ))
    }
}
