//! orchestrator: decomposes projects into task graphs, runs them with agents under policy, and lets quality gates decide.
//!
//! ```text
//! project text ─▶ project::parse ─▶ graph::decompose ─▶ run ─▶ agent (policy, model) ─▶ gates ─▶ next tasks
//! ```

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{self, Context, ProcessArgs, serve_http};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::agent::Agents;
use self::graph::Graph;
use self::metrics::OrchestratorMetrics;
use self::projects::Projects;
use self::run::Runner;
use crate::peer::{self, Peer};
use crate::refusal::Refusal;
use crate::{ANALYTICS, FAULTS, ORCHESTRATOR, POLICY, SLM, events};

mod agent;
mod gates;
mod graph;
mod metrics;
mod project;
mod projects;
mod run;

pub(crate) use self::project::WORKFLOWS;

/// Projects that are kept to be read; the oldest finished one makes room.
const MAX_PROJECTS: usize = 200;

/// Settings of the orchestrator.
#[derive(Debug, Args)]
pub(crate) struct OrchestratorArgs {
    /// Where HTTP is served.
    #[arg(long, default_value = "127.0.0.1:8020", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where policy-engine is.
    #[arg(long, default_value = "http://127.0.0.1:8022", value_name = "URL")]
    policy: String,
    /// Where slm-service is.
    #[arg(long, default_value = "http://127.0.0.1:8024", value_name = "URL")]
    slm: String,
    /// Where analytics-service is.
    #[arg(long, default_value = "http://127.0.0.1:8025", value_name = "URL")]
    analytics: String,
    #[command(flatten)]
    process: ProcessArgs,
}

/// A project as it is handed in.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NewProject {
    pub(crate) tenant: String,
    pub(crate) text: String,
}

/// A project that is on its way.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Accepted {
    pub(crate) project_id: String,
    pub(crate) workflow: String,
    pub(crate) tasks: usize,
}

struct Orchestrator {
    projects: Projects,
    runner: Arc<Runner>,
    metrics: OrchestratorMetrics,
    running: TaskTracker,
    stop: CancellationToken,
}

pub(crate) fn run(arguments: OrchestratorArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(ORCHESTRATOR, &process, FAULTS, |context| serve(arguments, context))
}

async fn serve(arguments: OrchestratorArgs, context: Context) -> Result<(), FleetError> {
    let registry = context.observability.registry();
    let client = peer::client()?;
    let analytics = Peer::new(ANALYTICS, &arguments.analytics, client.clone());
    let (reporter, courier) = events::queue(analytics, registry)?;
    let metrics = OrchestratorMetrics::register(registry)?;
    let agents = Agents {
        policy: Peer::new(POLICY, &arguments.policy, client.clone()),
        slm: Peer::new(SLM, &arguments.slm, client),
        metrics: metrics.clone(),
    };
    let orchestrator = Arc::new(Orchestrator {
        projects: Projects::new(MAX_PROJECTS),
        runner: Arc::new(Runner::new(agents, metrics.clone(), reporter)),
        metrics,
        running: TaskTracker::new(),
        stop: context.stop.clone(),
    });
    let router = Router::new()
        .route("/v1/projects", post(create))
        .route("/v1/projects/{id}", get(read))
        .route("/v1/plans", post(plan))
        .with_state(Arc::clone(&orchestrator))
        .layer(crate::http_layer(&context)?)
        .merge(context.own_routes());
    let reports = async {
        courier.run(context.stop.clone()).await;
        Ok(())
    };
    let served = tokio::try_join!(serve_http(arguments.listen, router, context.stop.clone()), reports);
    orchestrator.running.close();
    orchestrator.running.wait().await;
    served.map(|_| ())
}

impl Orchestrator {
    /// Parses and decomposes, measured.
    fn decompose(&self, text: &str) -> Result<Graph, Refusal> {
        self.metrics.decomposition(|| graph::decompose(text)).map_err(|error| {
            Refusal::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "project_not_readable",
                format!("{error}; a project looks like: workflow: build-app, then lines `- name: what (after other)`"),
            )
        })
    }
}

async fn create(
    State(orchestrator): State<Arc<Orchestrator>>,
    new: Result<Json<NewProject>, JsonRejection>,
) -> Result<(StatusCode, Json<Accepted>), Refusal> {
    let Json(new) = new?;
    let graph = orchestrator.decompose(&new.text)?;
    let accepted = Accepted {
        project_id: uuid::Uuid::now_v7().to_string(),
        workflow: graph.workflow.to_owned(),
        tasks: graph.tasks.len(),
    };
    if !orchestrator.projects.begin(&accepted.project_id, &new.tenant, &graph) {
        return Err(Refusal::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_projects",
            format!("{MAX_PROJECTS} projects are running; send this one again when one has ended"),
        ));
    }
    let (id, state) = (accepted.project_id.clone(), Arc::clone(&orchestrator));
    let work = async move {
        let outcome = tokio::select! {
            outcome = state.runner.run(&id, &new.tenant, &graph) => outcome,
            () = state.stop.cancelled() => return,
        };
        state.projects.end(&id, outcome);
    };
    let span = tracing::Span::current();
    orchestrator.running.spawn(tracing::Instrument::instrument(work, span));
    Ok((StatusCode::ACCEPTED, Json(accepted)))
}

async fn read(
    State(orchestrator): State<Arc<Orchestrator>>,
    Path(id): Path<String>,
) -> Result<Json<projects::Project>, Refusal> {
    orchestrator.projects.get(&id).map(Json).ok_or_else(|| {
        Refusal::new(
            StatusCode::NOT_FOUND,
            "project_not_found",
            format!("there is no project {id}; it may have been forgotten after {MAX_PROJECTS} others"),
        )
    })
}

/// The task graph alone.
async fn plan(
    State(orchestrator): State<Arc<Orchestrator>>,
    new: Result<Json<NewProject>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(new) = new?;
    let graph = orchestrator.decompose(&new.text)?;
    Ok(Json(json!({ "workflow": graph.workflow, "tasks": graph.tasks })))
}
