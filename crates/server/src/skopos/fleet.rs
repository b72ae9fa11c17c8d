//! `/api/skopos/fleet`: the processes of a demo, and the faults that they can be given while they run.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::prometheus::envelope::{ApiError, ErrorType};
use crate::router::Shared;
use crate::views::{FleetFault, FleetProcess, FleetView};

pub(super) fn router() -> Router<Shared> {
    Router::new()
        .route("/api/skopos/fleet", get(show))
        .route("/api/skopos/fleet/faults/{name}", post(switch))
}

/// The wish for a fault.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    active: bool,
}

async fn show(State(app): State<Shared>) -> Result<Response, ApiError> {
    let fleet = fleet(&app)?;
    let processes: Vec<Value> = fleet.processes().iter().map(process).collect();
    let faults: Vec<Value> = fleet.faults().iter().map(fault).collect();
    Ok(super::ok(&json!({ "processes": processes, "faults": faults })))
}

async fn switch(
    State(app): State<Shared>,
    Path(name): Path<String>,
    Json(wish): Json<Wish>,
) -> Result<Response, ApiError> {
    let fleet = fleet(&app)?;
    if !fleet.switch(&name, wish.active) {
        return Err(ApiError::new(
            ErrorType::NotFound,
            format!("no system that runs has a fault {name:?}; GET /api/skopos/fleet lists them"),
        ));
    }
    Ok(super::ok(&json!({ "name": name, "active": wish.active })))
}

fn fleet(app: &Shared) -> Result<Arc<dyn FleetView>, ApiError> {
    app.state.fleet.clone().ok_or_else(|| {
        ApiError::new(
            ErrorType::NotFound,
            "this server runs no fleet: start one with `skopos demo`",
        )
    })
}

fn process(process: &FleetProcess) -> Value {
    json!({
        "system": process.system,
        "name": process.name,
        "port": process.port,
        "about": process.about,
        "pid": process.pid,
        "restarts": process.restarts,
    })
}

fn fault(fault: &FleetFault) -> Value {
    json!({
        "name": fault.name,
        "system": fault.system,
        "service": fault.service,
        "about": fault.about,
        "alerts": fault.alerts,
        "active": fault.is_active,
    })
}
