//! How a user learns of a reply: by a stream that is open, or by reading the session.

use std::time::Duration;

use futures_util::StreamExt;
use serde::Deserialize;
use skopos_sdk::log::{self, chain};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tracing::Instrument;

use super::visit::Visit;
use crate::topics::Reply;

/// Pause between two reads of a session, and its growth.
const FIRST_READ: Duration = Duration::from_millis(150);
const READ_GROWTH: u32 = 2;
const LONGEST_READ_PAUSE: Duration = Duration::from_secs(2);

/// The stream of a session.
pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

#[derive(Deserialize)]
struct SessionRead {
    turns: Vec<TurnRead>,
}

#[derive(Deserialize)]
struct TurnRead {
    message_id: String,
    reply: Option<Reply>,
}

impl Visit<'_> {
    /// Reads the session until the reply is there.
    pub(super) async fn read(&self, session: &str, message_id: &str) -> Option<Reply> {
        let mut pause = FIRST_READ;
        loop {
            tokio::time::sleep(pause).await;
            pause = (pause * READ_GROWTH).min(LONGEST_READ_PAUSE);
            let answer = self
                .request(self.users.client.get(self.url(&format!("/{session}"))))
                .await?;
            let read: SessionRead = answer.json().await.ok()?;
            let turn = read.turns.into_iter().find(|turn| turn.message_id == message_id)?;
            if turn.reply.is_some() {
                return turn.reply;
            }
        }
    }

    /// Opens the stream of a session.
    pub(super) async fn listen(&self, session: &str) -> Option<Socket> {
        let span = tracing::info_span!(
            "listen",
            otel.name = "user opens stream",
            otel.kind = "client",
            tenant = self.plan.tenant
        );
        async {
            let url = self.url(&format!("/{session}/stream")).replacen("http", "ws", 1);
            let mut request = url.into_client_request().ok()?;
            skopos_sdk::inject_http(&skopos_sdk::propagation::current_context(), request.headers_mut());
            let bearer = format!("Bearer {}", self.token.as_deref()?);
            request
                .headers_mut()
                .insert(http::header::AUTHORIZATION, bearer.parse().ok()?);
            match tokio_tungstenite::connect_async(request).await {
                Ok((socket, _)) => Some(socket),
                Err(error) => {
                    log::warn!(
                        error = chain(&error),
                        session_id = session,
                        "stream refused, reading instead"
                    );
                    None
                }
            }
        }
        .instrument(span)
        .await
    }
}

/// Waits for the reply on the stream.
pub(super) async fn heard(socket: &mut Socket, message_id: &str) -> Option<Reply> {
    while let Some(message) = socket.next().await {
        if let Message::Text(text) = message.ok()?
            && let Ok(reply) = serde_json::from_str::<Reply>(&text)
            && reply.in_reply_to == message_id
        {
            return Some(reply);
        }
    }
    None
}
