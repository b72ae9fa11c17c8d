//! Calls of the small language model: measured, traced, and slowed where the fault asks for it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use skopos_fleet_frame::Fault;
use skopos_sdk::log;
use tracing::{Instrument, Span, field};

use super::metrics::WorkerMetrics;
use super::ngram::NgramModel;
use super::tokens::{join, tokenize};
use crate::router::Effort;

/// Name of the model in metrics and spans.
pub(super) const MODEL: &str = "harbour-trigram";
const CORPUS: &str = include_str!("../../assets/corpus.txt");
/// Texts that are sampled for a reply; the likeliest one is taken.
const CANDIDATES: usize = 4;
/// Tokens of a reply.
const LEAST_TOKENS: usize = 16;
const MOST_TOKENS: usize = 72;
/// The same where little effort is wanted.
const MOST_TOKENS_LOW: usize = 32;
/// What the fault adds to a call, in seconds.
const SLOW_SECONDS: std::ops::Range<f64> = 6.0..8.0;

/// The model with its sampler.
#[derive(Debug)]
pub(super) struct LanguageModel {
    model: NgramModel,
    seed: u64,
    slow: Fault,
    metrics: WorkerMetrics,
}

/// A reply and what it cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Completion {
    pub(super) text: String,
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
}

impl LanguageModel {
    /// Trains on the text that ships with the fleet.
    pub(super) fn shipped(seed: u64, slow: Fault, metrics: WorkerMetrics) -> Self {
        let started = Instant::now();
        let model = NgramModel::train(CORPUS);
        log::info!(
            model = MODEL,
            vocabulary = model.vocabulary(),
            duration_ms = started.elapsed().as_millis() as u64,
            "language model trained"
        );
        Self {
            model,
            seed,
            slow,
            metrics,
        }
    }

    /// Answers a prompt; the same id gets the same answer.
    pub(super) async fn complete(&self, id: &str, prompt: &str, effort: Effort) -> Completion {
        let span = tracing::info_span!(
            "slm.complete",
            otel.name = format!("slm {MODEL}"),
            gen_ai.operation.name = "text_completion",
            gen_ai.request.model = MODEL,
            gen_ai.usage.input_tokens = field::Empty,
            gen_ai.usage.output_tokens = field::Empty,
        );
        async {
            let started = Instant::now();
            let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ hash(id));
            if self.slow.is_on() {
                tokio::time::sleep(Duration::from_secs_f64(random.random_range(SLOW_SECONDS))).await;
            }
            let completion = self.sample(prompt, effort, &mut random);
            Span::current().record("gen_ai.usage.input_tokens", completion.input_tokens);
            Span::current().record("gen_ai.usage.output_tokens", completion.output_tokens);
            self.metrics.completed(&completion, started.elapsed());
            completion
        }
        .instrument(span)
        .await
    }

    fn sample(&self, prompt: &str, effort: Effort, random: &mut ChaCha8Rng) -> Completion {
        let (candidates, most) = match effort {
            Effort::Low => (1, MOST_TOKENS_LOW),
            Effort::Full => (CANDIDATES, MOST_TOKENS),
        };
        let candidates = (0..candidates).map(|_| self.model.generate(prompt, LEAST_TOKENS, most, random));
        let best = candidates.max_by(|a, b| a.log_likelihood.total_cmp(&b.log_likelihood));
        let tokens = best.map(|generated| generated.tokens).unwrap_or_default();
        Completion {
            text: join(tokens.iter().map(|token| self.model.word(*token))),
            input_tokens: tokenize(prompt).count() as u64,
            output_tokens: tokens.len() as u64,
        }
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
