//! The requests: open a session, send a message, read a session.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use skopos_bus::Event;
use skopos_sdk::log;

use super::Gateway;
use super::error::ApiError;
use super::sessions::SessionView;
use crate::canvas::Block;
use crate::topics::{self, Message};

const DEFAULT_PERSONA: &str = "assistant";
const MAX_PERSONA_CHARS: usize = 64;

#[derive(Debug, Deserialize)]
pub(super) struct NewSession {
    persona_id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NewMessage {
    text: String,
}

pub(super) async fn create_session(
    State(gateway): State<Arc<Gateway>>,
    headers: HeaderMap,
    body: Result<Json<NewSession>, JsonRejection>,
) -> Result<Response, ApiError> {
    let claims = gateway.authenticate(&headers, None)?;
    let Json(new) = body.map_err(|rejection| unreadable(&rejection, r#"{"persona_id": "assistant"}"#))?;
    let persona = new.persona_id.unwrap_or_else(|| DEFAULT_PERSONA.to_owned());
    if persona.is_empty() || persona.chars().count() > MAX_PERSONA_CHARS {
        return Err(ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_persona",
            format!("a persona has 1 to {MAX_PERSONA_CHARS} characters"),
            "leave persona_id out to talk to the assistant",
        ));
    }
    gateway.authorize(&claims, "session.create", None)?;
    if gateway.store_full.is_on() {
        return Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "session_store_full",
            "the session store has no room for another session",
            "try again in a few minutes",
        ));
    }
    let session_id = uuid::Uuid::now_v7().to_string();
    gateway
        .sessions
        .open(&session_id, &claims.tenant, &persona, topics::now_ms());
    gateway.metrics.sessions_created.inc();
    log::info!(
        session_id,
        tenant = claims.tenant,
        persona_id = persona,
        user = claims.sub,
        "session opened"
    );
    let body = json!({ "session_id": session_id, "persona_id": persona });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

pub(super) async fn send_message(
    State(gateway): State<Arc<Gateway>>,
    Path(session_id): Path<String>,
    headers: HeaderMap,
    body: Result<Json<NewMessage>, JsonRejection>,
) -> Result<Response, ApiError> {
    let claims = gateway.authenticate(&headers, None)?;
    let Json(new) = body.map_err(|rejection| unreadable(&rejection, r#"{"text": "hello"}"#))?;
    gateway.authorize(&claims, "message.send", Some(new.text.chars().count()))?;
    let now_ms = topics::now_ms();
    let persona_id = gateway
        .sessions
        .persona(&session_id, &claims.tenant, now_ms)
        .ok_or_else(|| ApiError::no_session(&session_id))?;
    let mut event = Event::new(topics::MESSAGE_EVENT, serde_json::Value::Null);
    let message = Message {
        message_id: event.id.clone(),
        session_id,
        tenant: claims.tenant,
        persona_id,
        text: new.text,
        received_ms: now_ms,
    };
    event.data = topics::encode(&message);
    publish(&gateway, &message, event).await?;
    let body = json!({ "event_id": message.message_id, "session_id": message.session_id });
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}

async fn publish(gateway: &Gateway, message: &Message, event: Event) -> Result<(), ApiError> {
    // Kept first: the reply may be faster than this task.
    gateway.sessions.add(message);
    let sent = gateway
        .producer
        .publish(topics::INBOUND, &message.session_id, event)
        .await;
    match sent {
        Ok(_) => {
            log::info!(
                session_id = message.session_id,
                message_id = message.message_id,
                tenant = message.tenant,
                "message accepted"
            );
            Ok(())
        }
        Err(error) => {
            gateway.sessions.withdraw(message);
            let source = std::error::Error::source(&error)
                .map(ToString::to_string)
                .unwrap_or_default();
            Err(ApiError::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "bus_unavailable",
                format!("the event bus did not take the message: {source}"),
                "send it again in a few seconds; nothing was kept",
            ))
        }
    }
}

pub(super) async fn read_session(
    State(gateway): State<Arc<Gateway>>,
    Path(session_id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<SessionView>, ApiError> {
    let claims = gateway.authenticate(&headers, None)?;
    gateway.authorize(&claims, "session.read", None)?;
    gateway
        .sessions
        .view(&session_id, Some(&claims.tenant), topics::now_ms())
        .map(Json)
        .ok_or_else(|| ApiError::no_session(&session_id))
}

/// What the session has on its canvas.
pub(super) async fn read_canvas(
    State(gateway): State<Arc<Gateway>>,
    Path(session_id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Vec<Block>>, ApiError> {
    let claims = gateway.authenticate(&headers, None)?;
    gateway.authorize(&claims, "session.read", None)?;
    gateway
        .sessions
        .persona(&session_id, &claims.tenant, topics::now_ms())
        .ok_or_else(|| ApiError::no_session(&session_id))?;
    // With the canvas service away the canvas is empty, and the conversation goes on.
    Ok(Json(gateway.neighbours.canvas(&session_id).await.unwrap_or_default()))
}

fn unreadable(rejection: &JsonRejection, example: &str) -> ApiError {
    let code = if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        "body_too_large"
    } else {
        "invalid_body"
    };
    ApiError::new(
        rejection.status(),
        code,
        format!("{}; a body looks like {example}", rejection.body_text()),
        "send JSON with content-type application/json, at most 16 KiB",
    )
}
