//! One conversation: opens a session, writes, and waits for each reply.

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::json;
use skopos_sdk::log;
use tracing::{Instrument, Span, field};

use super::Users;
use super::reply::{Socket, heard};
use crate::topics::ReplyStatus;
use crate::traffic::plan::{Conduct, Plan};

/// Time after which a user gives up waiting for a reply.
const PATIENCE: Duration = Duration::from_secs(20);
/// Lengths of messages that are too long, in characters.
const LONG_MESSAGE: usize = 5_000;
const HUGE_MESSAGE: usize = 20_000;

/// What a user holds during a conversation.
pub(super) struct Visit<'a> {
    pub(super) users: &'a Users,
    pub(super) plan: &'a Plan,
    pub(super) token: Option<String>,
}

#[derive(Deserialize)]
struct Opened {
    session_id: String,
}

#[derive(Deserialize)]
struct Accepted {
    event_id: String,
}

impl Visit<'_> {
    /// Opens a session. One who may not write reads a session of somebody else's instead of opening one.
    pub(super) async fn open(&self) -> Option<String> {
        let span = tracing::info_span!(
            "open",
            otel.name = "user opens session",
            tenant = self.plan.tenant,
            user = self.plan.user
        );
        async {
            if self.plan.conduct == Conduct::Auditor {
                self.request(self.users.client.get(self.url("/00000000"))).await;
                return None;
            }
            let body = json!({ "persona_id": self.plan.persona });
            let answer = self.request(self.users.client.post(self.url("")).json(&body)).await?;
            let opened: Opened = answer.json().await.ok()?;
            Some(opened.session_id)
        }
        .instrument(span)
        .await
    }

    pub(super) async fn read_lost_session(&self) {
        let span = tracing::info_span!("read", otel.name = "user reads session", tenant = self.plan.tenant);
        let lost = self.users.client.get(self.url("/018f0000-0000-7000-8000-000000000000"));
        self.request(lost).instrument(span).await;
    }

    pub(super) async fn talk(&self, session: &str) -> Option<ReplyStatus> {
        let mut socket = if self.plan.listens {
            self.listen(session).await
        } else {
            None
        };
        let mut last = None;
        for (index, say) in self.plan.messages.iter().enumerate() {
            if self.users.pause(say.after).await.is_break() {
                return None;
            }
            let text = self.wording(index, &say.text);
            let span = tracing::info_span!(
                "turn",
                otel.name = "user sends message",
                otel.status_code = field::Empty,
                tenant = self.plan.tenant,
                user = self.plan.user,
                persona_id = self.plan.persona,
                reply.status = field::Empty
            );
            last = self.turn(session, &text, &mut socket).instrument(span).await;
        }
        self.request(self.users.client.get(self.url(&format!("/{session}/canvas"))))
            .await;
        if let Some(mut socket) = socket {
            // The gateway counts the connection until it hears of its end, either way.
            drop(socket.close(None).await);
        }
        last
    }

    /// The planned text, or the longer one of a user who pastes too much.
    fn wording(&self, index: usize, text: &str) -> String {
        let chars = match self.plan.conduct {
            Conduct::LongMessage if index == 0 => LONG_MESSAGE,
            Conduct::HugeMessage if index == 0 => HUGE_MESSAGE,
            _ => return text.to_owned(),
        };
        text.chars().cycle().take(chars).collect()
    }

    async fn turn(&self, session: &str, text: &str, socket: &mut Option<Socket>) -> Option<ReplyStatus> {
        let url = self.url(&format!("/{session}/messages"));
        let request = self.users.client.post(url).json(&json!({ "text": text }));
        let accepted: Accepted = self.request(request).await?.json().await.ok()?;
        let reply = async {
            match socket {
                Some(socket) => heard(socket, &accepted.event_id).await,
                None => self.read(session, &accepted.event_id).await,
            }
        };
        let reply = tokio::select! {
            () = self.users.stop.cancelled() => return None,
            reply = tokio::time::timeout(PATIENCE, reply) => reply.ok().flatten(),
        };
        if let Some(reply) = &reply {
            Span::current().record("reply.status", format!("{:?}", reply.status));
            log::debug!(session_id = session, text = reply.text, "reply");
        } else {
            Span::current().record("otel.status_code", "ERROR");
            log::warn!(session_id = session, message_id = accepted.event_id, "no reply came");
        }
        reply.map(|reply| reply.status)
    }

    /// A successful answer; a refusal is logged, and is what many of the plans want.
    pub(super) async fn request(&self, request: RequestBuilder) -> Option<reqwest::Response> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        match skopos_sdk::client::send(&self.users.client, request).await {
            Ok(answer) if answer.status().is_success() => Some(answer),
            Ok(answer) => {
                log_refusal(answer.status(), self.plan);
                None
            }
            Err(error) => {
                log::warn!(
                    error = &error as &(dyn std::error::Error + 'static),
                    "gateway does not answer"
                );
                None
            }
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/v1/sessions{path}", self.users.gateway)
    }
}

fn log_refusal(status: StatusCode, plan: &Plan) {
    log::info!(
        status = status.as_u16(),
        tenant = plan.tenant,
        user = plan.user,
        conduct = ?plan.conduct,
        "the gateway refused"
    );
}
