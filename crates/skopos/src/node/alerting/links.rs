//! Evidence: what decided an alert, and what else is known of the same service and time: exemplar,
//! trace, log lines, runbook.

use std::ops::ControlFlow;

use serde_json::{Value, json};
use skopos_core::log::{Direction, LogSelection};
use skopos_core::metric::Exemplar;
use skopos_core::span::{Span, StatusCode, TraceId, TraceSearch};
use skopos_core::time::TimeRangeNs;
use skopos_core::{Matcher, QueryBudget, TimeRange};
use skopos_rules::{QueryLanguage, RuleSpec};
use skopos_server::TenantStores;

use super::InForce;
use super::evidence::StoredEvidence;
use super::history::pairs;

/// How far before the first bad sample and after the firing is looked.
const AROUND_MS: i64 = 5 * 60 * 1000;
/// Most log lines that are given.
const MAX_LINES: usize = 50;
/// Most traces that are looked at for the one to show.
const MAX_TRACES: usize = 20;
/// Labels that hold a trace id in exemplars.
const TRACE_LABELS: [&str; 3] = ["trace_id", "traceID", "traceId"];
const MAX_SAMPLES: u64 = 1_000_000;
const NANOS: i64 = 1_000_000;

/// Looks around a piece of evidence.
pub(super) struct Links<'a> {
    pub(super) stores: &'a TenantStores,
    pub(super) engine: &'a skopos_promql::Engine,
    pub(super) loaded: &'a InForce,
}

/// Evidence with its links, as the API gives it.
pub(super) fn shown(evidence: &StoredEvidence, links: &Links<'_>) -> Value {
    let mut shown = serde_json::to_value(evidence).expect("evidence is plain data");
    shown["rule"]["language"] = links.language(evidence).into();
    shown["links"] = links.all(evidence);
    shown
}

impl Links<'_> {
    fn all(&self, evidence: &StoredEvidence) -> Value {
        let range = TimeRange {
            start_ms: evidence.first_bad_ms - AROUND_MS,
            end_ms: evidence.fired_ms + AROUND_MS,
        };
        let exemplar = self.exemplar(evidence, range);
        let trace_id = exemplar.as_ref().and_then(|(_, exemplar)| trace_id_of(exemplar));
        let exemplar = exemplar.map(|(metric, exemplar)| {
            json!({
                "traceId": trace_id.map(|id| id.to_string()),
                "value": exemplar.value,
                "atMs": exemplar.timestamp_ms,
                "metric": metric,
            })
        });
        json!({
            "exemplar": exemplar,
            "trace": self.trace(evidence, trace_id, range),
            "logs": self.logs(evidence, range),
            "runbook": self.runbook(evidence),
        })
    }

    /// The exemplar with the highest value of the series that the expression reads.
    fn exemplar(&self, evidence: &StoredEvidence, range: TimeRange) -> Option<(String, Exemplar)> {
        let expr = self.engine.parse(&evidence.rule.expr).ok()?;
        let mut best: Option<(String, Exemplar)> = None;
        for mut matchers in skopos_promql::extract_selectors(&expr) {
            narrow(&mut matchers, evidence);
            let Ok(found) = self.stores.metric_source.exemplars(&matchers, range) else {
                continue;
            };
            for (labels, exemplars) in found {
                let with_trace = exemplars.into_iter().filter(|exemplar| trace_id_of(exemplar).is_some());
                for exemplar in with_trace {
                    if best.as_ref().is_none_or(|(_, known)| exemplar.value > known.value) {
                        best = Some((labels.get("__name__").to_owned(), exemplar));
                    }
                }
            }
        }
        best
    }

    /// The exemplar's trace, else a failed or the slowest trace of the service at that time.
    fn trace(&self, evidence: &StoredEvidence, trace_id: Option<TraceId>, range: TimeRange) -> Option<Value> {
        let budget = QueryBudget::new(MAX_SAMPLES, None);
        let source = &self.stores.trace_source;
        if let Some(id) = trace_id {
            let spans = source.trace(id, &budget).unwrap_or_default();
            if !spans.is_empty() {
                return Some(trace_json(&spans));
            }
        }
        let service = self.service_with_traces(evidence, range)?;
        let search = TraceSearch {
            service: Some(service),
            operation: None,
            tags: Vec::new(),
            min_duration_ns: None,
            max_duration_ns: None,
            range: nanos(range),
            limit: MAX_TRACES,
        };
        let traces = source.search(&search, &budget).ok()?;
        let worst = traces
            .iter()
            .max_by_key(|spans| (has_error(spans), duration_ns(spans)))?;
        Some(trace_json(worst))
    }

    fn service_with_traces(&self, evidence: &StoredEvidence, range: TimeRange) -> Option<String> {
        let services = self.stores.trace_source.services(nanos(range)).ok()?;
        let names = ["service", "job"].map(|label| evidence.label(label));
        let known = names
            .into_iter()
            .find(|name| services.iter().any(|service| service == name))?;
        Some(known.to_owned())
    }

    /// The service's lines of that time; errors first, if there are any.
    fn logs(&self, evidence: &StoredEvidence, range: TimeRange) -> Value {
        let source = &self.stores.log_source;
        let mut selector = None;
        for (stream_label, alert_label) in [("service_name", "service"), ("service_name", "job"), ("job", "job")] {
            let value = evidence.label(alert_label);
            if value.is_empty() {
                continue;
            }
            let matcher = Matcher::equal(stream_label, value);
            let found = source.series(std::slice::from_ref(&matcher), nanos(range));
            if found.is_ok_and(|series| !series.is_empty()) {
                selector = Some((matcher, format!("{{{stream_label}={value:?}}}")));
                break;
            }
        }
        let Some((matcher, query)) = selector else {
            return json!({ "query": "", "fromMs": range.start_ms, "toMs": range.end_ms, "lines": [] });
        };
        let mut lines = Vec::new();
        let selection = LogSelection {
            matchers: std::slice::from_ref(&matcher),
            range: nanos(range),
            direction: Direction::Backward,
            line_contains: &[],
            has_labels: &[],
        };
        let budget = QueryBudget::new(MAX_SAMPLES, None);
        let scanned = source.scan(&selection, &budget, &mut |labels, entry| {
            lines.push(json!({
                "tsNs": entry.timestamp_ns.to_string(),
                "line": entry.line,
                "labels": pairs(labels.iter()),
            }));
            if lines.len() >= MAX_LINES {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if let Err(error) = scanned {
            tracing::warn!("the lines of an alert could not be read: {error}");
        }
        json!({ "query": query, "fromMs": range.start_ms, "toMs": range.end_ms, "lines": lines })
    }

    /// The rule as it is loaded now, if it still is.
    fn rule(&self, evidence: &StoredEvidence) -> Option<&RuleSpec> {
        let rules = self.loaded.rules.iter().filter(|file| file.path == evidence.rule.file);
        let mut rules = rules.flat_map(|file| &file.groups).flat_map(|group| &group.rules);
        rules.find(|rule| rule.name == evidence.rule.name && rule.line == evidence.rule.line)
    }

    /// `promql` or `logql`; of a rule that is gone it is known by what was read.
    fn language(&self, evidence: &StoredEvidence) -> &'static str {
        let is_logql = match self.rule(evidence) {
            Some(rule) => rule.language == QueryLanguage::LogQl,
            None => evidence.selectors.iter().any(|selector| !selector.lines.is_empty()),
        };
        if is_logql { "logql" } else { "promql" }
    }

    /// The runbook that the rule names, with its text where it is part of a pack.
    fn runbook(&self, evidence: &StoredEvidence) -> Option<Value> {
        let rule = self.rule(evidence)?;
        let named = ["runbook", "runbook_url"]
            .iter()
            .find_map(|name| rule.annotations.get(*name))?;
        let file = named.rsplit('/').next().unwrap_or_default();
        let pack = self
            .loaded
            .packs
            .iter()
            .find(|(_, folder)| folder.join("runbooks").join(file).is_file());
        Some(match pack {
            Some((name, folder)) => json!({
                "url": format!("/api/skopos/runbooks/{name}/{file}"),
                "pack": name,
                "file": file,
                "markdown": std::fs::read_to_string(folder.join("runbooks").join(file)).unwrap_or_default(),
            }),
            None => json!({ "url": named, "pack": null, "file": null, "markdown": null }),
        })
    }
}

/// Asks for the alert's own labels where the selector says nothing of them; labels that rules add are
/// of no series.
fn narrow(matchers: &mut Vec<Matcher>, evidence: &StoredEvidence) {
    for name in ["job", "instance"] {
        let value = evidence.label(name);
        if !value.is_empty() && !matchers.iter().any(|matcher| matcher.name() == name) {
            matchers.push(Matcher::equal(name, value));
        }
    }
}

fn trace_id_of(exemplar: &Exemplar) -> Option<TraceId> {
    let text = TRACE_LABELS
        .iter()
        .map(|name| exemplar.labels.get(name))
        .find(|text| !text.is_empty())?;
    text.parse().ok()
}

fn nanos(range: TimeRange) -> TimeRangeNs {
    TimeRangeNs {
        start_ns: range.start_ms * NANOS,
        end_ns: range.end_ms * NANOS,
    }
}

fn has_error(spans: &[Span]) -> bool {
    spans.iter().any(|span| span.status == StatusCode::Error)
}

fn duration_ns(spans: &[Span]) -> i64 {
    let start = spans.iter().map(|span| span.start_ns).min().unwrap_or_default();
    let end = spans.iter().map(|span| span.end_ns).max().unwrap_or_default();
    end - start
}

fn trace_json(spans: &[Span]) -> Value {
    let root = spans
        .iter()
        .find(|span| span.parent_span_id.is_none())
        .unwrap_or(&spans[0]);
    json!({
        "traceId": root.trace_id.to_string(),
        "service": root.resource.service_name(),
        "name": root.name,
        "durationMs": duration_ns(spans) as f64 / NANOS as f64,
        "startMs": root.start_ns / NANOS,
        "hasError": has_error(spans),
    })
}
