//! Runs a task graph: every task as soon as those before it are done, some at a time, to the end or the first failure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use skopos_sdk::log;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::Instrument;

use super::agent::{AgentError, Agents, Assignment};
use super::graph::Graph;
use super::metrics::OrchestratorMetrics;
use crate::events::{Event, Reporter};

/// Agents of all projects that work at one time.
const MAX_AGENTS: usize = 8;
/// Time that a project has.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// How a project ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) name: &'static str,
    pub(super) reason: Option<String>,
    pub(super) result: Vec<String>,
}

impl Outcome {
    pub(super) fn success(result: Vec<String>) -> Self {
        Self {
            name: "success",
            reason: None,
            result,
        }
    }

    fn failed(name: &'static str, reason: String) -> Self {
        Self {
            name,
            reason: Some(reason),
            result: Vec::new(),
        }
    }
}

/// Runs projects with shared places for agents.
#[derive(Debug)]
pub(super) struct Runner {
    agents: Agents,
    metrics: OrchestratorMetrics,
    reporter: Reporter,
    places: Semaphore,
}

/// A finished task: its position and what it brought.
type Done = (usize, Result<Vec<String>, AgentError>);

impl Runner {
    pub(super) fn new(agents: Agents, metrics: OrchestratorMetrics, reporter: Reporter) -> Self {
        Self {
            agents,
            metrics,
            reporter,
            places: Semaphore::new(MAX_AGENTS),
        }
    }

    /// Runs a project to its end; counts and reports how it ended.
    pub(super) async fn run(self: &Arc<Self>, id: &str, tenant: &str, graph: &Graph) -> Outcome {
        let workflow = graph.workflow;
        let span = tracing::info_span!(
            "workflow",
            otel.name = format!("workflow {workflow}"),
            workflow.name = workflow,
            workflow.tasks = graph.tasks.len(),
            project.id = id,
            tenant.id = tenant,
        );
        let started = Instant::now();
        let done = tokio::time::timeout(TIME_LIMIT, self.carry_out(id, tenant, graph)).instrument(span);
        let outcome = match done.await {
            Ok(Ok(result)) => Outcome::success(result),
            Ok(Err(error)) => Outcome::failed(error.outcome(), error.to_string()),
            Err(_) => Outcome::failed("timed_out", format!("the project took longer than {TIME_LIMIT:?}")),
        };
        let elapsed = started.elapsed();
        self.metrics.executed(workflow, outcome.name, elapsed);
        let (project_id, duration_ms) = (id, elapsed.as_secs_f64() * 1000.0);
        match &outcome.reason {
            None => log::info!(project_id, tenant, workflow, duration_ms, "project done"),
            Some(reason) => log::error!(
                project_id,
                tenant,
                workflow,
                duration_ms,
                outcome = outcome.name,
                reason,
                "project failed"
            ),
        }
        self.reporter.report(Event {
            kind: "workflow".to_owned(),
            tenant: tenant.to_owned(),
            subject: workflow.to_owned(),
            outcome: outcome.name.to_owned(),
            duration_ms,
            at_ms: jiff::Timestamp::now().as_millisecond(),
        });
        outcome
    }

    /// The result of the last task. A failure ends all tasks that are running.
    async fn carry_out(self: &Arc<Self>, id: &str, tenant: &str, graph: &Graph) -> Result<Vec<String>, AgentError> {
        let tasks = &graph.tasks;
        let mut results: Vec<Option<Vec<String>>> = vec![None; tasks.len()];
        let mut is_started = vec![false; tasks.len()];
        let mut running: JoinSet<Done> = JoinSet::new();
        loop {
            for (position, task) in tasks.iter().enumerate() {
                let is_ready = task.after.iter().all(|before| results[*before].is_some());
                if is_ready && !std::mem::replace(&mut is_started[position], true) {
                    let known = task.after.iter().filter_map(|before| results[*before].clone());
                    let known = known.flatten().collect();
                    running.spawn(self.start(id, tenant, graph, position, known));
                }
            }
            let Some(joined) = running.join_next().await else { break };
            let (position, result) = joined.map_err(|error| AgentError::BrokeOff(error.to_string()))?;
            results[position] = Some(result?);
        }
        Ok(results.pop().flatten().unwrap_or_default())
    }

    /// One task on its own, when there is a place for its agent.
    fn start(
        self: &Arc<Self>,
        id: &str,
        tenant: &str,
        graph: &Graph,
        position: usize,
        known: Vec<String>,
    ) -> impl Future<Output = Done> + Send + use<> {
        let runner = Arc::clone(self);
        let (id, tenant, workflow) = (id.to_owned(), tenant.to_owned(), graph.workflow);
        let task = graph.tasks[position].clone();
        let work = async move {
            // The semaphore is never closed; without a place the task would run at once, which is no harm.
            let place = runner.places.acquire().await;
            let assignment = Assignment {
                project_id: &id,
                tenant: &tenant,
                workflow,
                task: &task,
                known: &known,
            };
            let result = runner.agents.accomplish(assignment).await;
            drop(place);
            (position, result)
        };
        work.in_current_span()
    }
}
