//! Notices of users: `POST /v1/notices` puts one, `GET /v1/notices` reads them, both for the user of `X-User-ID`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use skopos_sdk::context::RequestContext;

use super::failure::Failure;
use crate::notice::Notice;
use crate::refusal::Refusal;

/// Notices that are kept for a user; the oldest make room.
const KEPT: usize = 50;
/// Users that notices are kept for; another one is refused.
const USERS: usize = 1000;

/// The notices of all users.
#[derive(Debug, Default)]
pub(super) struct Notices {
    by_user: Mutex<BTreeMap<String, VecDeque<Notice>>>,
}

pub(super) fn router() -> Router {
    Router::new()
        .route("/v1/notices", get(read).post(put))
        .with_state(Arc::new(Notices::default()))
}

async fn put(
    State(notices): State<Arc<Notices>>,
    notice: Result<Json<Notice>, JsonRejection>,
) -> Result<StatusCode, Refusal> {
    let (user, Json(notice)) = (user()?, notice?);
    notices.put(user, notice)?;
    Ok(StatusCode::NO_CONTENT)
}

async fn read(State(notices): State<Arc<Notices>>) -> Result<Json<VecDeque<Notice>>, Refusal> {
    Ok(Json(notices.of(&user()?)))
}

fn user() -> Result<String, Failure> {
    let user = RequestContext::current().and_then(|context| context.user_id);
    user.ok_or(Failure::NoUser)
}

impl Notices {
    fn put(&self, user: String, notice: Notice) -> Result<(), Refusal> {
        let mut by_user = self.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        if by_user.len() >= USERS && !by_user.contains_key(&user) {
            let message = "notices are kept for no more users";
            return Err(Refusal::failed(
                "notices_full",
                message,
                "write to a user who has notices already",
            ));
        }
        let kept = by_user.entry(user).or_default();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(notice);
        Ok(())
    }

    fn of(&self, user: &str) -> VecDeque<Notice> {
        let by_user = self.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        by_user.get(user).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_the_last_notices_and_strangers_do_not_grow_the_table() {
        let notices = Notices::default();
        let notice = |version| Notice {
            pricing_pack_id: "p".into(),
            version,
            security: "ALBA".into(),
            movement: 0.1,
        };
        for version in 0..KEPT as u64 + 2 {
            notices.put("a".into(), notice(version)).expect("there is room");
        }
        let kept = notices.of("a");
        assert_eq!((kept.len(), kept[0].version), (KEPT, 2));
        assert!(notices.of("b").is_empty());
        for user in 1..USERS {
            notices.put(user.to_string(), notice(0)).expect("there is room");
        }
        notices
            .put("one too many".into(), notice(0))
            .expect_err("the table is full");
        notices.put("a".into(), notice(9)).expect("it is known");
    }
}
