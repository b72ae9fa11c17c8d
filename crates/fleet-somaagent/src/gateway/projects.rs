//! Projects: handed to the orchestrator and read from it.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Gateway;
use super::marketplace::segment;
use crate::orchestrator::{Accepted, NewProject};
use crate::policy::Question;
use crate::refusal::Refusal;

/// A project as its author writes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ProjectText {
    pub(crate) text: String,
}

pub(super) async fn create(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    body: Result<Json<ProjectText>, JsonRejection>,
) -> Result<(StatusCode, Json<Accepted>), Refusal> {
    let claims = gateway.authenticate(&headers).await?;
    let Json(ProjectText { text }) = body?;
    let items = text.lines().filter(|line| line.trim_start().starts_with("- ")).count();
    let question = Question {
        action: "project.create".to_owned(),
        items: Some(items),
        ..Question::default()
    };
    gateway.authorize(&claims, question).await?;
    let new = NewProject {
        tenant: claims.tenant,
        text,
    };
    let accepted = gateway.orchestrator.post("/v1/projects", &new).await?;
    Ok((StatusCode::ACCEPTED, Json(accepted)))
}

pub(super) async fn read(
    State(gateway): State<Arc<Gateway>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let claims = gateway.admit(&headers, "project.read").await?;
    let project: Value = gateway
        .orchestrator
        .get(&format!("/v1/projects/{}", segment(&id)?), &[])
        .await?;
    if project["tenant"] != claims.tenant {
        // As if it were not there: ids of other tenants are not to be found out.
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "project_not_found",
            format!("there is no project {id} of your tenant"),
        ));
    }
    Ok(Json(project))
}
