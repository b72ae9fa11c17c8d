//! slm-service: a small language model that answers with extracts of what it knows, and embeds texts.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use clap::Args;
use serde::{Deserialize, Serialize};
use skopos_fleet_frame::process::{self, Context, ProcessArgs, serve_http};
use skopos_fleet_frame::{Fault, FleetError};
use skopos_sdk::log;
use tracing::field;

use self::index::Index;
use self::metrics::SlmMetrics;
use crate::refusal::Refusal;
use crate::{FAULTS, SLM, text};

pub(crate) mod embedding;
pub(crate) mod index;
mod metrics;

/// The index is out of step with its texts.
pub(crate) const STALE_INDEX: &str = "soma-slm-stale-index";
/// Names of the models in metrics and answers.
pub(crate) const INFER_MODEL: &str = "soma-extract-1";
pub(crate) const EMBED_MODEL: &str = "soma-embed-256";
/// Bounds of a request.
const MAX_PROMPT_CHARS: usize = 4_000;
const MAX_SENTENCES: usize = 12;
const MAX_INPUTS: usize = 32;

/// Settings of the model's service.
#[derive(Debug, Args)]
pub(crate) struct SlmArgs {
    /// Where HTTP is served.
    #[arg(long, default_value = "127.0.0.1:8024", value_name = "ADDRESS")]
    listen: SocketAddr,
    #[command(flatten)]
    process: ProcessArgs,
}

/// What the model is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Prompt {
    pub(crate) text: String,
    /// Sentences of the answer.
    pub(crate) sentences: usize,
    /// Sentences that the answer shall not hold.
    #[serde(default)]
    pub(crate) avoid: Vec<String>,
}

/// The answer with its cost in words.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Completion {
    pub(crate) model: String,
    pub(crate) sentences: Vec<String>,
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
}

/// Texts to embed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Inputs {
    pub(crate) input: Vec<String>,
}

/// A vector of length 1 for each text, or of zeros where no word is known.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Embeddings {
    pub(crate) model: String,
    pub(crate) embeddings: Vec<Vec<f32>>,
}

struct Slm {
    sound: Index,
    stale: Index,
    is_stale: Fault,
    metrics: SlmMetrics,
}

pub(crate) fn run(arguments: SlmArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(SLM, &process, FAULTS, |context| serve(arguments, context))
}

async fn serve(arguments: SlmArgs, context: Context) -> Result<(), FleetError> {
    let sound = Index::shipped();
    log::info!(model = INFER_MODEL, facts = sound.len(), "model loaded");
    let slm = Arc::new(Slm {
        stale: sound.out_of_step(),
        sound,
        is_stale: context.faults.get(STALE_INDEX),
        metrics: SlmMetrics::register(context.observability.registry())?,
    });
    let router = Router::new()
        .route("/v1/infer/sync", post(infer))
        .route("/v1/embeddings", post(embed))
        .with_state(slm)
        .layer(crate::http_layer(&context)?)
        .merge(context.own_routes());
    serve_http(arguments.listen, router, context.stop).await
}

async fn infer(
    State(slm): State<Arc<Slm>>,
    prompt: Result<Json<Prompt>, JsonRejection>,
) -> Result<Json<Completion>, Refusal> {
    let answer = slm.complete(prompt);
    slm.metrics.inferred(answer.as_ref().err());
    answer.map(Json)
}

async fn embed(
    State(slm): State<Arc<Slm>>,
    inputs: Result<Json<Inputs>, JsonRejection>,
) -> Result<Json<Embeddings>, Refusal> {
    let Json(Inputs { input }) = inputs?;
    if input.is_empty() || input.len() > MAX_INPUTS {
        return Err(out_of_bounds(format!("send 1 to {MAX_INPUTS} texts at a time")));
    }
    let tokens: u64 = input.iter().map(|text| tokens(text)).sum();
    let span = tracing::info_span!(
        "slm.embed",
        otel.name = format!("slm {EMBED_MODEL}"),
        gen_ai.operation.name = "embeddings",
        gen_ai.request.model = EMBED_MODEL,
        gen_ai.usage.input_tokens = tokens,
    );
    let embeddings = span.in_scope(|| {
        slm.metrics.embedding(|| {
            let vectors = input.iter().map(|text| slm.sound.embedder().embed(text));
            vectors.map(|vector| vector.to_vec()).collect()
        })
    });
    Ok(Json(Embeddings {
        model: EMBED_MODEL.to_owned(),
        embeddings,
    }))
}

/// What a text costs: its words.
fn tokens(text: &str) -> u64 {
    text::words(text).count() as u64
}

fn out_of_bounds(message: String) -> Refusal {
    Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "out_of_bounds", message)
}

impl Slm {
    fn complete(&self, prompt: Result<Json<Prompt>, JsonRejection>) -> Result<Completion, Refusal> {
        let Json(prompt) = prompt?;
        if prompt.text.chars().count() > MAX_PROMPT_CHARS || !(1..=MAX_SENTENCES).contains(&prompt.sentences) {
            return Err(out_of_bounds(format!(
                "a prompt has up to {MAX_PROMPT_CHARS} characters, an answer 1 to {MAX_SENTENCES} sentences"
            )));
        }
        let index = if self.is_stale.is_on() {
            &self.stale
        } else {
            &self.sound
        };
        let input_tokens = tokens(&prompt.text);
        let span = tracing::info_span!(
            "slm.extract",
            otel.name = format!("slm {INFER_MODEL}"),
            gen_ai.operation.name = "text_completion",
            gen_ai.request.model = INFER_MODEL,
            gen_ai.usage.input_tokens = input_tokens,
            gen_ai.usage.output_tokens = field::Empty,
        );
        let _entered = span.enter();
        let sentences = index.extract(&prompt.text, prompt.sentences, &prompt.avoid);
        let output_tokens = sentences.iter().map(|sentence| tokens(sentence)).sum();
        span.record("gen_ai.usage.output_tokens", output_tokens);
        Ok(Completion {
            model: INFER_MODEL.to_owned(),
            input_tokens,
            output_tokens,
            sentences: sentences.into_iter().map(str::to_owned).collect(),
        })
    }
}
