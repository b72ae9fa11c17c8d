//! Replies by WebSocket: each reply of the session as one JSON text message, until either side leaves.

use std::sync::Arc;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use prometheus::IntGauge;
use serde::Deserialize;
use skopos_sdk::log;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::Gateway;
use super::error::ApiError;
use crate::topics::{self, Reply};

/// Longest message that a client may send; nothing of theirs is read.
const MAX_CLIENT_MESSAGE_BYTES: usize = 1024;

#[derive(Debug, Deserialize)]
pub(super) struct StreamQuery {
    access_token: Option<String>,
}

pub(super) async fn open(
    State(gateway): State<Arc<Gateway>>,
    Path(session_id): Path<String>,
    Query(query): Query<StreamQuery>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    let claims = gateway.authenticate(&headers, query.access_token.as_deref())?;
    gateway.authorize(&claims, "session.stream", None)?;
    let replies = gateway
        .sessions
        .listen(&session_id, &claims.tenant, topics::now_ms())
        .ok_or_else(|| ApiError::no_session(&session_id))?;
    log::info!(session_id, tenant = claims.tenant, "listener joined");
    let upgrade = upgrade.max_message_size(MAX_CLIENT_MESSAGE_BYTES);
    Ok(upgrade.on_upgrade(move |socket| serve(gateway, socket, replies)))
}

async fn serve(gateway: Arc<Gateway>, mut socket: WebSocket, mut replies: Receiver<Reply>) {
    let _open = Open::new(&gateway.metrics.websockets);
    loop {
        tokio::select! {
            () = gateway.stop.cancelled() => return say_goodbye(socket, "the gateway stops").await,
            reply = replies.recv() => match reply {
                Ok(reply) => {
                    if socket.send(text(&reply)).await.is_err() {
                        return;
                    }
                }
                Err(RecvError::Lagged(lost)) => log::warn!(lost, "listener is too slow, replies are left out"),
                Err(RecvError::Closed) => return say_goodbye(socket, "the session was closed").await,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
        }
    }
}

fn text(reply: &Reply) -> Message {
    Message::Text(topics::encode(reply).to_string().into())
}

async fn say_goodbye(mut socket: WebSocket, reason: &'static str) {
    let frame = CloseFrame {
        code: close_code::AWAY,
        reason: reason.into(),
    };
    // A client that has gone already needs no goodbye.
    drop(socket.send(Message::Close(Some(frame))).await);
}

/// Counts a connection while it lives.
struct Open(IntGauge);

impl Open {
    fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
