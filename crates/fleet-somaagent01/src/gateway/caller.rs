//! Who calls, and whether the policy lets them: the bearer token, then the first matching rule.

use axum::http::{HeaderMap, StatusCode, header};

use super::Gateway;
use super::error::ApiError;
use super::token::Claims;
use crate::policy::{Decision, Question};

const TOKEN_HINT: &str = "send a current token as Authorization: Bearer TOKEN, or as ?access_token= on WebSockets";

impl Gateway {
    /// The claims of the request's token. Browsers cannot set headers on WebSockets, so these may use the query.
    pub(super) fn authenticate(&self, headers: &HeaderMap, query: Option<&str>) -> Result<Claims, ApiError> {
        let refuse = |message: String| ApiError::new(StatusCode::UNAUTHORIZED, "unauthenticated", message, TOKEN_HINT);
        let bearer = headers
            .get(header::AUTHORIZATION)
            .map(|value| value.to_str().unwrap_or_default().trim_start_matches("Bearer ").trim());
        let Some(token) = bearer.or(query) else {
            self.metrics.authenticated("missing");
            return Err(refuse("the request carries no token".to_owned()));
        };
        match self.keys.verify(token, jiff::Timestamp::now().as_second()) {
            Ok(claims) => {
                self.metrics.authenticated("success");
                Ok(claims)
            }
            Err(error) => {
                self.metrics.authenticated("failure");
                Err(refuse(error.to_string()))
            }
        }
    }

    /// Asks the policy. A rule that cannot be evaluated denies, and is counted apart.
    pub(super) fn authorize(
        &self,
        claims: &Claims,
        action: &str,
        message_chars: Option<usize>,
    ) -> Result<(), ApiError> {
        let hour = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).hour();
        let decision = self.policy.decide(&Question {
            role: &claims.role,
            tenant: &claims.tenant,
            region: claims.region.as_deref(),
            action,
            message_chars,
            hour,
        });
        let (result, answer) = judge(decision, claims, action);
        self.metrics.decided(result);
        answer
    }
}

fn judge(decision: Decision, claims: &Claims, action: &str) -> (&'static str, Result<(), ApiError>) {
    match decision {
        Decision::Allow { .. } => ("allow", Ok(())),
        Decision::Deny { rule } => (
            "deny",
            Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "policy_denied",
                format!(
                    "rule {rule} does not let role {} of {} do {action}",
                    claims.role, claims.tenant
                ),
                "ask the tenant's administrator for a role that may, or change the request to what the rule allows",
            )),
        ),
        Decision::Error { rule, reason } => (
            "error",
            Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "policy_not_evaluated",
                format!("rule {rule} could not be evaluated: {reason}"),
                "use a token that carries what the rule asks for",
            )),
        ),
    }
}
