//! model-service: chat completions from two models that answer with what a prompt holds, and tell what it took.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use clap::Args;
use serde::{Deserialize, Serialize};
use skopos_fleet_frame::process::{self, Context, ProcessArgs, serve_http};
use skopos_fleet_frame::{Fault, FleetError};

use self::extract::{answer, tokens};
use crate::MODEL;
use crate::failure::Refusal;
use crate::faults::{FAULTS, MODEL_ERRORS, MODEL_SLOW, MODEL_THROTTLED};

mod extract;

/// Bytes of a prompt that are read at all.
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;
/// How long a throttled caller is told to wait.
const THROTTLE: Duration = Duration::from_secs(35);
/// Callers that are remembered to have been told so.
const MAX_WAITING: usize = 10_000;

/// Settings of the model service.
#[derive(Debug, Args)]
pub(crate) struct ModelArgs {
    /// Where HTTP is served.
    #[arg(long, default_value = "127.0.0.1:8051", value_name = "ADDRESS")]
    listen: SocketAddr,
    #[command(flatten)]
    process: ProcessArgs,
}

/// A model: how much it says, and what a million tokens of it cost in US dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Model {
    pub(crate) name: &'static str,
    sentences: usize,
    /// Time for one token of the answer.
    pace: Duration,
    input_price: f64,
    output_price: f64,
}

/// Answers quickly, in one sentence.
pub(crate) const SMALL: Model = Model {
    name: "arbiter-small",
    sentences: 1,
    pace: Duration::from_millis(2),
    input_price: 0.15,
    output_price: 0.60,
};
/// Answers at length.
pub(crate) const LARGE: Model = Model {
    name: "arbiter-large",
    sentences: 3,
    pace: Duration::from_millis(4),
    input_price: 2.50,
    output_price: 10.0,
};

impl Model {
    /// What a call costs in US dollars.
    pub(crate) fn cost_usd(&self, usage: Usage) -> f64 {
        let prices = usage.prompt_tokens as f64 * self.input_price + usage.completion_tokens as f64 * self.output_price;
        prices / 1e6
    }
}

/// What is asked, in the form of the chat completions that most providers share.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ChatRequest {
    pub(crate) model: String,
    pub(crate) messages: Vec<Message>,
    /// The same for all attempts of one call.
    pub(crate) request_id: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) role: Role,
    pub(crate) content: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    System,
    User,
    Assistant,
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ChatResponse {
    pub(crate) id: String,
    pub(crate) model: String,
    pub(crate) choices: Vec<Choice>,
    pub(crate) usage: Usage,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Choice {
    pub(crate) message: Message,
    pub(crate) finish_reason: String,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Usage {
    pub(crate) prompt_tokens: u64,
    pub(crate) completion_tokens: u64,
}

struct ModelService {
    slow: Fault,
    errors: Fault,
    throttled: Fault,
    calls: AtomicU64,
    /// When a caller that was told to wait may come again, by the id of its call.
    waiting: Mutex<HashMap<String, Instant>>,
}

pub(crate) fn run(arguments: ModelArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(MODEL, &process, FAULTS, |context| serve(arguments, context))
}

async fn serve(arguments: ModelArgs, context: Context) -> Result<(), FleetError> {
    crate::propagate();
    let service = Arc::new(ModelService {
        slow: context.faults.get(MODEL_SLOW),
        errors: context.faults.get(MODEL_ERRORS),
        throttled: context.faults.get(MODEL_THROTTLED),
        calls: AtomicU64::new(0),
        waiting: Mutex::default(),
    });
    let router = Router::new()
        .route("/v1/chat/completions", post(complete))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(service)
        .layer(crate::http_layer(&context)?)
        .merge(context.own_routes());
    serve_http(arguments.listen, router, context.stop.clone()).await
}

async fn complete(State(service): State<Arc<ModelService>>, Json(request): Json<ChatRequest>) -> Response {
    let Some(model) = [SMALL, LARGE].into_iter().find(|model| model.name == request.model) else {
        let message = format!(
            "there is no model {}; ask {} or {}",
            request.model, SMALL.name, LARGE.name
        );
        return Refusal(StatusCode::NOT_FOUND, message).into_response();
    };
    let call = service.calls.fetch_add(1, Ordering::Relaxed);
    if service.must_wait(&request.request_id) {
        let message = Refusal(
            StatusCode::TOO_MANY_REQUESTS,
            "the rate of this plan is used up".to_owned(),
        );
        return ([(RETRY_AFTER, THROTTLE.as_secs().to_string())], message).into_response();
    }
    if service.errors.is_on() && call.is_multiple_of(5) {
        let message = "the worker of this model has lost its weights".to_owned();
        return Refusal(StatusCode::INTERNAL_SERVER_ERROR, message).into_response();
    }
    if service.slow.is_on() {
        tokio::time::sleep(Duration::from_millis(11_000 + call * 700 % 2_000)).await;
    }
    let content = answer(&request.messages, model.sentences);
    let usage = Usage {
        prompt_tokens: request.messages.iter().map(|message| tokens(&message.content)).sum(),
        completion_tokens: tokens(&content),
    };
    // A model says one token after the other.
    tokio::time::sleep(model.pace * usage.completion_tokens as u32).await;
    let message = Message {
        role: Role::Assistant,
        content,
    };
    Json(ChatResponse {
        id: format!("chatcmpl-{}", uuid::Uuid::new_v4().simple()),
        model: request.model,
        choices: vec![Choice {
            message,
            finish_reason: "stop".to_owned(),
        }],
        usage,
    })
    .into_response()
}

impl ModelService {
    /// Whether a call is sent away for now: at its first attempt, and when it comes again too early.
    fn must_wait(&self, request_id: &str) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.throttled.is_on() {
            waiting.clear();
            return false;
        }
        if waiting.len() >= MAX_WAITING {
            waiting.clear();
        }
        let now = Instant::now();
        if let Some(until) = waiting.get(request_id).copied() {
            if until <= now {
                waiting.remove(request_id);
            }
            return until > now;
        }
        waiting.insert(request_id.to_owned(), now + THROTTLE);
        true
    }
}
