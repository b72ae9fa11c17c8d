//! Carries a plan out against the gateway: opens a session, writes, waits for each reply by WebSocket or by reading.

use std::ops::ControlFlow;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, field};

use super::plan::{Conduct, Plan};
use crate::gateway::token::{Claims, Keys};
use crate::topics::{Reply, ReplyStatus};
use skopos_fleet_frame::FleetError;

/// One request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Time after which a user gives up waiting for a reply.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pause between two reads of a session, and its growth.
const FIRST_READ: Duration = Duration::from_millis(150);
const READ_GROWTH: u32 = 2;
const LONGEST_READ_PAUSE: Duration = Duration::from_secs(2);
/// Life of a token in seconds.
const TOKEN_SECONDS: i64 = 900;
/// Lengths of messages that are too long, in characters.
const LONG_MESSAGE: usize = 5_000;
const HUGE_MESSAGE: usize = 20_000;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The users' side of the gateway.
#[derive(Clone)]
pub(super) struct Users {
    client: Client,
    gateway: String,
    keys: Keys,
    stop: CancellationToken,
}

/// What a user holds during a conversation.
struct Visit<'a> {
    users: &'a Users,
    plan: &'a Plan,
    token: Option<String>,
}

#[derive(Deserialize)]
struct Opened {
    session_id: String,
}

#[derive(Deserialize)]
struct Accepted {
    event_id: String,
}

#[derive(Deserialize)]
struct SessionRead {
    turns: Vec<TurnRead>,
}

#[derive(Deserialize)]
struct TurnRead {
    message_id: String,
    reply: Option<Reply>,
}

impl Users {
    pub(super) fn new(gateway: &str, keys: Keys, stop: CancellationToken) -> Result<Self, FleetError> {
        // The client wants a provider even where nothing is encrypted; a second installation is refused, and harmless.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = Client::builder()
            .timeout(REQUEST_TIMEOUT)
            .user_agent(concat!("skopos-traffic/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(FleetError::HttpClient)?;
        Ok(Self {
            client,
            gateway: gateway.trim_end_matches('/').to_owned(),
            keys,
            stop,
        })
    }

    pub(super) async fn is_gateway_ready(&self) -> bool {
        let answer = self.client.get(format!("{}/health", self.gateway)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// Waits, unless told to stop.
    pub(super) async fn pause(&self, pause: Duration) -> ControlFlow<()> {
        tokio::select! {
            () = self.stop.cancelled() => ControlFlow::Break(()),
            () = tokio::time::sleep(pause) => ControlFlow::Continue(()),
        }
    }

    /// Carries a conversation out; the status of the last reply, where one came.
    pub(super) async fn converse(&self, plan: &Plan) -> Option<ReplyStatus> {
        let visit = Visit {
            users: self,
            plan,
            token: self.token(plan),
        };
        if plan.conduct == Conduct::LostSession {
            visit.read_lost_session().await;
            return None;
        }
        let session = visit.open().await?;
        visit.talk(&session).await
    }

    fn token(&self, plan: &Plan) -> Option<String> {
        let now = jiff::Timestamp::now().as_second();
        let expired = plan.conduct == Conduct::ExpiredToken;
        let claims = Claims {
            sub: plan.user.to_owned(),
            tenant: plan.tenant.to_owned(),
            role: plan.conduct.role().to_owned(),
            region: None,
            exp: if expired { now - 60 } else { now + TOKEN_SECONDS },
        };
        match plan.conduct {
            Conduct::NoToken => None,
            Conduct::ForgedToken => Some(Keys::new("a guess").sign(&claims)),
            _ => Some(self.keys.sign(&claims)),
        }
    }
}

impl Visit<'_> {
    /// Opens a session. One who may not write reads a session of somebody else's instead of opening one.
    async fn open(&self) -> Option<String> {
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

    async fn read_lost_session(&self) {
        let span = tracing::info_span!("read", otel.name = "user reads session", tenant = self.plan.tenant);
        let lost = self.users.client.get(self.url("/018f0000-0000-7000-8000-000000000000"));
        self.request(lost).instrument(span).await;
    }

    async fn talk(&self, session: &str) -> Option<ReplyStatus> {
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
            tracing::debug!(session_id = session, text = reply.text, "reply");
        } else {
            Span::current().record("otel.status_code", "ERROR");
            tracing::warn!(session_id = session, message_id = accepted.event_id, "no reply came");
        }
        reply.map(|reply| reply.status)
    }

    /// Reads the session until the reply is there.
    async fn read(&self, session: &str, message_id: &str) -> Option<Reply> {
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

    async fn listen(&self, session: &str) -> Option<Socket> {
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
                    tracing::warn!(error = %error, session_id = session, "stream refused, reading instead");
                    None
                }
            }
        }
        .instrument(span)
        .await
    }

    /// A successful answer; a refusal is logged, and is what many of the plans want.
    async fn request(&self, request: RequestBuilder) -> Option<reqwest::Response> {
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
                tracing::warn!(
                    error = &error as &(dyn std::error::Error + 'static),
                    "gateway does not answer"
                );
                None
            }
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}/v1/sessions{path}", self.users.gateway)
    }
}

fn log_refusal(status: StatusCode, plan: &Plan) {
    tracing::info!(
        status = status.as_u16(),
        tenant = plan.tenant,
        user = plan.user,
        conduct = ?plan.conduct,
        "the gateway refused"
    );
}

/// Waits for the reply on the stream.
async fn heard(socket: &mut Socket, message_id: &str) -> Option<Reply> {
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
