//! What recording and alerting rules share: their last evaluation.

use std::collections::HashSet;
use std::sync::Arc;

use skopos_core::Labels;
use skopos_core::metric::{MetricSample, MetricValue, SeriesBatch};
use skopos_promql::ParseOptions;

use crate::alerting::AlertingRule;
use crate::evidence::{EndReason, RuleOrigin};
use crate::file::{RuleKind, RuleSpec};
use crate::pass::Evaluation;
use crate::query::RuleQuery;
use crate::recording::RecordingRule;
use crate::view::Health;

/// A rule with its state.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) spec: RuleSpec,
    pub(crate) origin: Arc<RuleOrigin>,
    /// The parsed expression, or why it does not parse.
    pub(crate) query: Result<RuleQuery, String>,
    pub(crate) body: RuleBody,
    pub(crate) health: Health,
    pub(crate) last_error: String,
    pub(crate) last_evaluation_ms: Option<i64>,
    pub(crate) evaluation_ns: i64,
    /// Series of the last evaluation that worked; those that vanish get a staleness marker.
    pub(crate) series: HashSet<Labels>,
}

#[derive(Debug)]
pub(crate) enum RuleBody {
    Recording(RecordingRule),
    Alerting(AlertingRule),
}

impl Rule {
    /// A rule that was never evaluated. `is_restored` says that no state is to be restored.
    pub(crate) fn new((file, group): (&str, &str), spec: RuleSpec, syntax: ParseOptions, is_restored: bool) -> Self {
        let origin = RuleOrigin {
            file: file.to_owned(),
            group: group.to_owned(),
            name: spec.name.clone(),
            line: spec.line,
            expr: spec.expr.clone(),
            for_ms: spec.for_ms,
        };
        let body = match spec.kind {
            RuleKind::Recording => RuleBody::Recording(RecordingRule::new(&spec)),
            RuleKind::Alerting => RuleBody::Alerting(AlertingRule::new(&spec, is_restored)),
        };
        Self {
            query: RuleQuery::parse(&spec.expr, spec.language, syntax),
            origin: Arc::new(origin),
            spec,
            body,
            health: Health::Unknown,
            last_error: String::new(),
            last_evaluation_ms: None,
            evaluation_ns: 0,
            series: HashSet::new(),
        }
    }

    /// Ends the alerts of a rule that is gone.
    pub(crate) fn end(&mut self, now_ms: i64) -> Evaluation {
        let RuleBody::Alerting(alerting) = &mut self.body else {
            return Evaluation::default();
        };
        Evaluation {
            notices: alerting.last_notices(now_ms, &self.origin),
            transitions: alerting.end_all(now_ms, EndReason::RuleRemoved, &self.origin),
        }
    }

    /// Whether the other rule makes the same series or alert.
    pub(crate) fn same_identity(&self, other: &RuleSpec) -> bool {
        self.spec.kind == other.kind && self.spec.name == other.name && self.spec.labels == other.labels
    }
}

/// One float sample as a batch of its own.
pub(crate) fn float_series(labels: Labels, timestamp_ms: i64, value: f64) -> SeriesBatch {
    series_batch(labels, timestamp_ms, MetricValue::Float(value))
}

pub(crate) fn series_batch(labels: Labels, timestamp_ms: i64, value: MetricValue) -> SeriesBatch {
    SeriesBatch {
        labels,
        samples: vec![MetricSample { timestamp_ms, value }],
        ..SeriesBatch::default()
    }
}
