//! What a proof says: plain values that the command line, the API and JUnit show.

use std::collections::BTreeMap;

use serde::Serialize;
use skopos_rules::RuleSpec;

/// What became of all rules.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Rules by verdict.
    pub counts: Counts,
    /// Every alerting rule, in the order of the files.
    pub rules: Vec<RuleReport>,
    /// What is wrong with the way to the receivers as a whole, such as a receiver that no alert reaches.
    pub findings: Vec<String>,
}

impl Report {
    /// The report of these rules.
    pub fn new(rules: Vec<RuleReport>) -> Self {
        let mut report = Self {
            rules,
            ..Self::default()
        };
        report.count();
        report
    }

    /// Counts the verdicts again.
    pub(crate) fn count(&mut self) {
        self.counts = Counts::default();
        for rule in &self.rules {
            match rule.verdict {
                Verdict::Proven => self.counts.proven += 1,
                Verdict::Broken => self.counts.broken += 1,
                Verdict::NotProvable => self.counts.not_provable += 1,
            }
        }
    }

    /// Whether every rule is proven and nothing else was found.
    pub fn is_clean(&self) -> bool {
        self.counts.broken == 0 && self.counts.not_provable == 0 && self.findings.is_empty()
    }
}

/// Rules by verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Fire and resolve.
    pub proven: usize,
    /// Cannot do what they are for.
    pub broken: usize,
    /// No witness was found, and no reason why there is none.
    pub not_provable: usize,
}

/// The verdict on a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// The witness makes the rule fire, and taking its cause away makes it resolve.
    Proven,
    /// The rule cannot do what it is for.
    Broken,
    /// No witness was found, and no reason why there is none.
    NotProvable,
}

impl Verdict {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Broken => "broken",
            Self::NotProvable => "notProvable",
        }
    }
}

/// Where the chain from sample to receiver breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Link {
    /// The expression never has a result, or always.
    Expression,
    /// The sides of an operation carry labels that never meet.
    Join,
    /// The condition does not last as long as `for` asks.
    For,
    /// A label or annotation does not expand.
    Template,
    /// The alert does not resolve, or a receiver that waits for its end is not told.
    Resolve,
    /// Another alert that always fires beside it inhibits it.
    Inhibition,
    /// A silence holds it back.
    Silence,
    /// A time interval mutes its route.
    Mute,
    /// No route leads to a receiver that sends anything.
    Route,
    /// The receiver does not take the notification.
    Receiver,
}

/// One series of a witness, in the notation of promtool's unit tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WitnessSeries {
    /// Name and labels.
    pub series: String,
    /// Values, one each [`RuleReport::interval_ms`], from time 0 on.
    pub values: String,
}

/// When what happened, in milliseconds since the start of the witness's clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Moments {
    /// The first sample of the cause.
    pub first_bad_ms: Option<i64>,
    /// The first evaluation with a result.
    pub pending_ms: Option<i64>,
    /// The alert fires.
    pub firing_ms: Option<i64>,
    /// The receiver is told.
    pub notified_ms: Option<i64>,
    /// The alert has resolved.
    pub resolved_ms: Option<i64>,
    /// A receiver is told that it has.
    pub end_notified_ms: Option<i64>,
}

/// An alert as it fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FiredAlert {
    /// Labels, `alertname` included.
    pub labels: BTreeMap<String, String>,
    /// Expanded annotations.
    pub annotations: BTreeMap<String, String>,
}

/// The notification that the receiver got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Its title or subject.
    pub title: String,
    /// Its text.
    pub text: String,
    /// The body as sent.
    pub payload: String,
}

/// The verdict on one alerting rule with what supports it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleReport {
    /// The rule file.
    pub file: String,
    /// The group.
    pub group: String,
    /// The alert.
    pub name: String,
    /// Line of the rule in its file.
    pub line: u64,
    /// The expression.
    pub expr: String,
    /// How long the condition must hold.
    pub for_ms: i64,
    /// The verdict.
    pub verdict: Verdict,
    /// Where the chain breaks, of broken rules.
    #[serde(rename = "where")]
    pub link: Option<Link>,
    /// Why it is broken or not provable, for people.
    pub why: Option<String>,
    /// What is odd, though it does not change the verdict.
    pub notes: Vec<String>,
    /// From the first sample of the cause to the firing alert.
    pub time_to_fire_ms: Option<i64>,
    /// The receivers that are told.
    pub receivers: Vec<String>,
    /// What the first receiver gets.
    pub message: Option<Message>,
    /// The receivers that are told when it has ended.
    pub resolved_receivers: Vec<String>,
    /// What the first of those gets then.
    pub resolved_message: Option<Message>,
    /// The input that fires the rule.
    pub witness: Vec<WitnessSeries>,
    /// Time between the values of the witness.
    pub interval_ms: i64,
    /// Time between evaluations.
    pub evaluation_interval_ms: i64,
    /// When what happened.
    pub timeline: Moments,
    /// What takes the cause away.
    pub resolved_by: Option<String>,
    /// The alerts as they fired, just before the cause went away.
    pub alerts: Vec<FiredAlert>,
    /// The rules that were driven: recording rules and, last, the alert.
    #[serde(skip)]
    pub(crate) driven: Vec<RuleSpec>,
    /// When [`RuleReport::alerts`] were as they are shown.
    #[serde(skip)]
    pub(crate) shown_ms: i64,
    /// The external URL that templates saw.
    #[serde(skip)]
    pub(crate) external_url: String,
    /// The external labels that templates saw.
    #[serde(skip)]
    pub(crate) external_labels: BTreeMap<String, String>,
}

impl RuleReport {
    /// The rules that were driven: recording rules and, last, the alert.
    pub fn driven(&self) -> &[RuleSpec] {
        &self.driven
    }

    pub(crate) fn broken(mut self, link: Link, why: impl Into<String>) -> Self {
        self.verdict = Verdict::Broken;
        self.link = Some(link);
        self.why = Some(why.into());
        self
    }
}
