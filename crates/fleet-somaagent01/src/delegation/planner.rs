//! Splits a question into tasks, hands them out and joins the findings within a limit of time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use skopos_bus::{Event, Producer};
use skopos_fleet_frame::Fault;
use skopos_sdk::log::{self, chain};
use tracing::{Instrument, Span, field};

use super::agents::{Agents, Task};
use super::metrics::DelegationMetrics;
use super::{Delegate, Findings};
use crate::stores::{Cache, History};
use crate::topics;

/// How long findings are waited for.
const LIMIT: Duration = Duration::from_millis(800);
/// Tasks of one question.
const MAX_TASKS: usize = 3;
/// Tasks where the planner has lost its measure.
const FINE_TASKS: usize = 150;
/// Letters of a word that is worth a task.
const TASK_WORD_CHARS: usize = 6;
/// Delegations of a session in ten minutes.
const SESSION_BUDGET: i64 = 20;
const BUDGET_SECONDS: i64 = 600;

pub(super) struct Planner {
    pub(super) agents: Arc<Agents>,
    pub(super) producer: Producer,
    pub(super) cache: Cache,
    pub(super) history: History,
    /// The planner splits as finely as it can.
    pub(super) splits_fine: Fault,
    pub(super) metrics: DelegationMetrics,
}

impl Planner {
    pub(super) async fn delegate(&self, request: &Delegate) -> Findings {
        let span = tracing::info_span!(
            "delegate",
            otel.name = "delegate question",
            session_id = request.session_id,
            tenant = request.tenant,
            delegation.tasks = field::Empty,
            delegation.findings = field::Empty,
        );
        async {
            let started = Instant::now();
            if !self.may_delegate(&request.session_id).await {
                log::warn!(session_id = request.session_id, "the session has delegated too often");
                self.metrics.delegated("refused", started.elapsed().as_secs_f64());
                return Findings {
                    tasks: 0,
                    findings: Vec::new(),
                };
            }
            let queries = plan(&request.text, self.splits_fine.is_on());
            let findings = self.hand_out(&request.session_id, &queries).await;
            Span::current().record("delegation.tasks", queries.len());
            Span::current().record("delegation.findings", findings.len());
            let result = if findings.len() == queries.len() {
                "complete"
            } else {
                "partial"
            };
            self.metrics.delegated(result, started.elapsed().as_secs_f64());
            self.record(request, queries.len(), findings.len()).await;
            Findings {
                tasks: queries.len(),
                findings,
            }
        }
        .instrument(span)
        .await
    }

    /// Whether the session has delegations left; without Redis it has.
    async fn may_delegate(&self, session: &str) -> bool {
        let key = format!("somaagent01:delegations:{session}");
        let Some(count) = self.cache.ask::<i64>(redis::cmd("INCR").arg(&key)).await else {
            return true;
        };
        if count == 1 {
            self.cache
                .ask::<i64>(redis::cmd("EXPIRE").arg(&key).arg(BUDGET_SECONDS))
                .await;
        }
        count <= SESSION_BUDGET
    }

    async fn hand_out(&self, session: &str, queries: &[String]) -> Vec<String> {
        let delegation = uuid::Uuid::now_v7().to_string();
        let mut incoming = self.agents.expect(&delegation);
        let deadline = tokio::time::Instant::now() + LIMIT;
        let expires_ms = topics::now_ms() + i64::try_from(LIMIT.as_millis()).unwrap_or(i64::MAX);
        let published = queries.iter().enumerate().map(|(number, query)| {
            let task = Task {
                delegation: delegation.clone(),
                query: query.clone(),
                expires_ms,
            };
            let event = Event::new(topics::DELEGATION_TASK_EVENT, topics::encode(&task));
            // Spread over the partitions, so that sub-agents share one question.
            let key = format!("{session}/{number}");
            async move { self.producer.publish(topics::DELEGATION_TASKS, &key, event).await }
        });
        let published = futures_util::future::join_all(published);
        for result in tokio::time::timeout_at(deadline, published).await.unwrap_or_default() {
            if let Err(error) = result {
                log::warn!(error = chain(&error), "a task could not be handed out");
            }
        }
        let mut findings = Vec::new();
        while findings.len() < queries.len() {
            match tokio::time::timeout_at(deadline, incoming.recv()).await {
                Ok(Some(finding)) => findings.push(finding),
                // Out of time: the caller wants an answer now.
                _ => break,
            }
        }
        self.agents.forget(&delegation);
        findings
    }

    async fn record(&self, request: &Delegate, tasks: usize, findings: usize) {
        let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
        self.history
            .rows(
                "INSERT INTO delegations (session_id, tenant, tasks, findings) VALUES ($1, $2, $3, $4)",
                &[&request.session_id, &request.tenant, &count(tasks), &count(findings)],
            )
            .await;
    }
}

/// What each sub-agent is to look for: the question's longest words; with `is_fine` each piece of the text.
fn plan(text: &str, is_fine: bool) -> Vec<String> {
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    if is_fine {
        return words
            .iter()
            .cycle()
            .take(FINE_TASKS)
            .map(|word| (*word).to_owned())
            .collect();
    }
    let mut long: Vec<String> = words
        .iter()
        .filter(|word| word.chars().count() >= TASK_WORD_CHARS)
        .map(|word| word.to_lowercase())
        .collect();
    long.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
    long.dedup();
    long.truncate(MAX_TASKS);
    long
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_split_into_its_weighty_words() {
        let tasks = plan("How does the keeper know the height of the water? The keeper!", false);
        assert_eq!(tasks, ["height", "keeper"]);
        assert!(plan("why?", false).is_empty());
    }

    #[test]
    fn a_planner_without_measure_makes_many() {
        assert_eq!(plan("why does it", true).len(), FINE_TASKS);
    }
}
