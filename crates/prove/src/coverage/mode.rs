//! How a service fails when a rule fires: told by the rule, or else by the words it is written in. Every word counts
//! for one mode; the mode with most weight is the rule's, and the words that decided are told.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use skopos_core::Matcher;
use skopos_core::labels::METRIC_NAME;
use skopos_promql::Expr;
use skopos_promql::ast::VectorSelector;
use skopos_rules::RuleSpec;

use crate::reads::is_absence;

/// The label or annotation by which a rule says its modes, separated by commas.
const EXPLICIT: &str = "failure_mode";
/// Weight of a word in the rule's name: people choose it to say what is wrong.
const NAME_WEIGHT: u32 = 2;
/// Weight of a word in a metric's name.
const METRIC_WEIGHT: u32 = 1;
/// Weight of what has one meaning only: a function, a condition on a status.
const STRONG_WEIGHT: u32 = 3;

/// The words that speak of each mode. Words joined by `_` must follow each other.
const VOCABULARY: &[(FailureMode, &str)] = &[
    (
        FailureMode::Down,
        "down absent missing unreachable unavailable offline crash crashes crashed crashlooping restarts restarting \
         alive dead_man",
    ),
    (
        FailureMode::Slow,
        "slow slowly latency latencies duration delay response_time",
    ),
    (
        FailureMode::Errors,
        "error errors fail fails failed failing failure failures exception exceptions rejected refused dropped \
         blocked denied invalid timeouts panics 5xx",
    ),
    (
        FailureMode::Saturation,
        "cpu memory mem heap pool connections connection conns threads goroutines saturation saturated utilization \
         utilisation throttled throttling oom fds inflight load1 load5 load15 capacity overloaded",
    ),
    (
        FailureMode::Disk,
        "disk disks filesystem filesystems inode inodes volume mountpoint",
    ),
    (
        FailureMode::Queue,
        "lag queue queues queued backlog depth pending dlq dead_letter",
    ),
    (
        FailureMode::Budget,
        "budget budgets token tokens cost costs quota quotas spend usd ratelimit rate_limit rate_limited burn",
    ),
    (
        FailureMode::Certificate,
        "cert certs certificate certificates expiry expires expiring expiration not_after x509",
    ),
];

/// A way in which a service fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FailureMode {
    /// It does not answer.
    Down,
    /// It answers late.
    Slow,
    /// It answers with errors.
    Errors,
    /// It runs out of processor, memory, connections.
    Saturation,
    /// It runs out of disk.
    Disk,
    /// Work piles up before it.
    Queue,
    /// It spends more than it may.
    Budget,
    /// Its certificate expires.
    Certificate,
}

impl FailureMode {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Down,
        Self::Slow,
        Self::Errors,
        Self::Saturation,
        Self::Disk,
        Self::Queue,
        Self::Budget,
        Self::Certificate,
    ];
    /// Of two modes with the same weight the narrower one holds.
    const NARROW_FIRST: [Self; 8] = [
        Self::Certificate,
        Self::Disk,
        Self::Queue,
        Self::Budget,
        Self::Down,
        Self::Errors,
        Self::Slow,
        Self::Saturation,
    ];

    /// The name in JSON and in rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Slow => "slow",
            Self::Errors => "errors",
            Self::Saturation => "saturation",
            Self::Disk => "disk",
            Self::Queue => "queue",
            Self::Budget => "budget",
            Self::Certificate => "certificate",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }
}

/// A mode and what says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ModeOfRule {
    pub(super) mode: FailureMode,
    pub(super) why: String,
}

/// The modes of a rule: those that it names, or the one that its words tell of; none if they tell of none.
pub(super) fn of_rule(rule: &RuleSpec, expr: &Expr) -> Vec<ModeOfRule> {
    for (what, texts) in [("label", &rule.labels), ("annotation", &rule.annotations)] {
        let Some(names) = texts.get(EXPLICIT) else {
            continue;
        };
        let modes = names.split(',').filter_map(|name| FailureMode::parse(name.trim()));
        let modes: Vec<ModeOfRule> = modes
            .map(|mode| ModeOfRule {
                mode,
                why: format!("its {what} {EXPLICIT}={names:?}"),
            })
            .collect();
        if !modes.is_empty() {
            return modes;
        }
    }
    heaviest(&evidence(rule, expr)).into_iter().collect()
}

/// Something that speaks of a mode.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Evidence {
    mode: FailureMode,
    what: String,
    weight: u32,
}

fn heaviest(all: &BTreeSet<Evidence>) -> Option<ModeOfRule> {
    let weight = |mode: FailureMode| -> u32 {
        let own = all.iter().filter(|evidence| evidence.mode == mode);
        own.map(|evidence| evidence.weight).sum()
    };
    let most = FailureMode::ALL
        .into_iter()
        .map(weight)
        .max()
        .filter(|most| *most > 0)?;
    let mode = FailureMode::NARROW_FIRST
        .into_iter()
        .find(|mode| weight(*mode) == most)?;
    let own = all.iter().filter(|evidence| evidence.mode == mode);
    let texts: Vec<&str> = own.map(|evidence| evidence.what.as_str()).collect();
    Some(ModeOfRule {
        mode,
        why: texts.join(", "),
    })
}

fn evidence(rule: &RuleSpec, expr: &Expr) -> BTreeSet<Evidence> {
    let mut found = BTreeSet::new();
    add_words(&rule.name, "its name", NAME_WEIGHT, &mut found);
    add_functions(expr, &mut found);
    expr.for_each_selector(&mut |selector| add_selector(selector, &mut found));
    found
}

fn add_words(text: &str, whose: &str, weight: u32, found: &mut BTreeSet<Evidence>) {
    let words = words(text);
    for (mode, vocabulary) in VOCABULARY {
        for wanted in vocabulary.split_whitespace() {
            let parts: Vec<&str> = wanted.split('_').collect();
            if words.windows(parts.len()).any(|window| window == parts) {
                found.insert(Evidence {
                    mode: *mode,
                    what: format!("{wanted:?} in {whose}"),
                    weight,
                });
            }
        }
    }
}

/// Words in lower case, parted by what is no letter or digit and where capitals begin.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let characters: Vec<char> = text.chars().collect();
    for (at, c) in characters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| characters.get(before));
        let after_lower = before.is_some_and(|before| before.is_lowercase() || before.is_ascii_digit());
        let before_lower = characters.get(at + 1).is_some_and(|next| next.is_lowercase());
        let after_upper = before.is_some_and(|before| before.is_uppercase());
        // `HighCPULoad` is high, cpu, load.
        let begins = c.is_uppercase() && (after_lower || (after_upper && before_lower));
        if begins || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn add_functions(expr: &Expr, found: &mut BTreeSet<Evidence>) {
    if let Expr::Call(call) = expr {
        let name = call.function.name;
        let mode = match name {
            "histogram_quantile" | "histogram_quantiles" | "histogram_fraction" => Some(FailureMode::Slow),
            _ if is_absence(name) => Some(FailureMode::Down),
            _ => None,
        };
        if let Some(mode) = mode {
            found.insert(Evidence {
                mode,
                what: format!("{name}()"),
                weight: STRONG_WEIGHT,
            });
        }
    }
    expr.children()
        .into_iter()
        .for_each(|child| add_functions(child, found));
}

fn add_selector(selector: &VectorSelector, found: &mut BTreeSet<Evidence>) {
    for matcher in &selector.matchers {
        if matcher.name() == METRIC_NAME {
            add_metric(matcher.value(), found);
        } else if is_of_errors(matcher) {
            found.insert(Evidence {
                mode: FailureMode::Errors,
                what: matcher.to_string(),
                weight: STRONG_WEIGHT,
            });
        }
    }
}

fn add_metric(name: &str, found: &mut BTreeSet<Evidence>) {
    if name == "up" || name.ends_with("_up") || name == "probe_success" {
        found.insert(Evidence {
            mode: FailureMode::Down,
            what: format!("the metric {name}"),
            weight: STRONG_WEIGHT,
        });
    }
    add_words(name, &format!("the metric {name}"), METRIC_WEIGHT, found);
}

/// Whether a condition picks what failed and leaves out what went well: a status of 500 and more, an outcome that is an
/// error.
fn is_of_errors(matcher: &Matcher) -> bool {
    const STATUS: &[&str] = &[
        "code",
        "status",
        "status_code",
        "http_status",
        "response_code",
        "grpc_status",
    ];
    const OUTCOME: &[&str] = &[
        "outcome",
        "result",
        "status",
        "state",
        "level",
        "severity",
        "grpc_code",
        "success",
    ];
    const BAD_STATUS: &[&str] = &["500", "502", "503", "504", "5xx"];
    const BAD_OUTCOME: &[&str] = &[
        "error",
        "errors",
        "failed",
        "failure",
        "fail",
        "fatal",
        "exception",
        "false",
    ];
    const WELL: &[&str] = &["200", "ok", "OK", "success", "true"];
    let picks = |labels: &[&str], values: &[&str]| {
        labels.contains(&matcher.name()) && values.iter().any(|value| matcher.matches(value))
    };
    let is_choice = WELL.iter().any(|value| !matcher.matches(value));
    is_choice && (picks(STATUS, BAD_STATUS) || picks(OUTCOME, BAD_OUTCOME))
}

#[cfg(test)]
mod tests;
