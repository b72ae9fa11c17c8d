//! What a user will do, decided from the seed and the conversation's number alone. No clock, no network.

use std::time::Duration;

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::phrases;

/// Tenants with the share of conversations that are theirs; the one with the small budget has its own loop.
const TENANTS: [(&str, f64); 3] = [("acme", 0.5), ("globex", 0.3), ("initech", 0.2)];
const PERSONAS: [(&str, f64); 3] = [("assistant", 0.6), ("analyst", 0.25), ("tutor", 0.15)];
const USERS: [&str; 8] = ["ada", "ben", "chidi", "dana", "emre", "fay", "goran", "hana"];
/// Longest pause before a user writes again, in seconds.
const THINKING_SECONDS: std::ops::Range<f64> = 0.3..2.5;

/// One conversation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plan {
    pub(super) tenant: &'static str,
    pub(super) persona: &'static str,
    pub(super) user: &'static str,
    pub(super) conduct: Conduct,
    /// Listens by WebSocket instead of reading the session again.
    pub(super) listens: bool,
    pub(super) messages: Vec<Say>,
}

/// A message after a pause.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Say {
    pub(super) after: Duration,
    pub(super) text: String,
}

/// What a user does right or wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conduct {
    Proper,
    /// Sends no token.
    NoToken,
    /// The token has expired.
    ExpiredToken,
    /// The token is signed with another secret.
    ForgedToken,
    /// The role may only read.
    Reader,
    /// Works outside of office hours, too.
    Contractor,
    /// Reads another's session with a token that names no region, which the policy cannot evaluate.
    Auditor,
    /// One message is longer than the policy allows.
    LongMessage,
    /// One message is larger than a request may be.
    HugeMessage,
    /// Asks for a session that does not exist.
    LostSession,
}

/// Each conduct with its share of conversations; the rest is proper.
const MISTAKES: [(Conduct, f64); 9] = [
    (Conduct::NoToken, 0.015),
    (Conduct::ExpiredToken, 0.02),
    (Conduct::ForgedToken, 0.01),
    (Conduct::Reader, 0.02),
    (Conduct::Contractor, 0.04),
    (Conduct::Auditor, 0.01),
    (Conduct::LongMessage, 0.01),
    (Conduct::HugeMessage, 0.005),
    (Conduct::LostSession, 0.02),
];
/// Share of messages whose tool call fails.
const FAILING: f64 = 0.006;

impl Conduct {
    /// The role that the user's token names.
    pub(super) fn role(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Contractor => "contractor",
            Self::Auditor => "auditor",
            _ => "agent",
        }
    }
}

/// The conversation of this number.
pub(super) fn conversation(seed: u64, number: u64) -> Plan {
    let mut random = random(seed, number, 0);
    let conduct = conduct(&mut random);
    let count = [1, 1, 2, 2, 2, 3, 4].choose(&mut random).copied().unwrap_or(1);
    let messages = (0..count).map(|_| say(&mut random)).collect();
    Plan {
        tenant: weighted(&TENANTS, &mut random),
        persona: weighted(&PERSONAS, &mut random),
        user: USERS.choose(&mut random).copied().unwrap_or(USERS[0]),
        conduct,
        listens: random.random_bool(0.5),
        messages,
    }
}

/// The pause before the conversation of this number: exponential, as of users who know nothing of each other.
pub(super) fn pause(seed: u64, number: u64, rate: f64) -> Duration {
    let uniform: f64 = random(seed, number, 1).random_range(f64::EPSILON..1.0);
    skopos_fleet_frame::traffic::pause(uniform, rate)
}

/// Independent randomness for each seed, conversation and purpose.
pub(super) fn random(seed: u64, number: u64, purpose: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(number.wrapping_mul(4).wrapping_add(purpose));
    random
}

fn conduct(random: &mut impl Rng) -> Conduct {
    let mut left: f64 = random.random();
    for (conduct, share) in MISTAKES {
        if left < share {
            return conduct;
        }
        left -= share;
    }
    Conduct::Proper
}

fn say(random: &mut impl Rng) -> Say {
    let text = if random.random_bool(FAILING) {
        phrases::failing(random)
    } else {
        phrases::ordinary(random)
    };
    Say {
        after: Duration::from_secs_f64(random.random_range(THINKING_SECONDS)),
        text,
    }
}

fn weighted(from: &[(&'static str, f64)], random: &mut impl Rng) -> &'static str {
    let mut left: f64 = random.random();
    for (name, share) in from {
        if left < *share {
            return name;
        }
        left -= share;
    }
    from[0].0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_one_sequence() {
        let sequence = |seed| (0..50).map(|n| conversation(seed, n)).collect::<Vec<Plan>>();
        assert_eq!(sequence(3), sequence(3));
        assert_ne!(sequence(3), sequence(4));
    }

    #[test]
    fn shares_are_those_of_the_tables() {
        let plans: Vec<Plan> = (0..4000).map(|n| conversation(1, n)).collect();
        let share = |wanted: fn(&Plan) -> bool| plans.iter().filter(|p| wanted(p)).count() as f64 / 4000.0;
        assert!((share(|p| p.tenant == "acme") - 0.5).abs() < 0.03);
        assert!((share(|p| p.conduct == Conduct::Proper) - 0.85).abs() < 0.03);
        assert!((share(|p| p.conduct == Conduct::Contractor) - 0.04).abs() < 0.015);
    }
}
