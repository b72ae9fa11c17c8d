//! The order of silences in answers.

use std::cmp::Ordering;

use crate::silence::{Silence, SilenceState};

/// Active ones first, by end; then pending ones, by start; then expired ones, the latest end first.
pub fn by_state_and_time(left: &Silence, right: &Silence, now_ms: i64) -> Ordering {
    let state = left.state(now_ms);
    let by_time = match state {
        SilenceState::Active => left.ends_at_ms.cmp(&right.ends_at_ms),
        SilenceState::Pending => left.starts_at_ms.cmp(&right.starts_at_ms),
        SilenceState::Expired => right.ends_at_ms.cmp(&left.ends_at_ms),
    };
    state
        .cmp(&right.state(now_ms))
        .then(by_time)
        .then_with(|| left.id.cmp(&right.id))
}
