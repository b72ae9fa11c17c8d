//! Inference and training of models: a span each, and histograms of their duration.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use skopos_sdk::ml::MlTracer;
//!
//! let registry = prometheus::Registry::new();
//! let ml = MlTracer::register(&registry)?;
//! let score = ml.inference("ranker", "v7", 32).run_sync(|| Ok::<_, std::io::Error>(0.7))?;
//! ml.training("ranker", "acme").run(async { Ok::<_, std::io::Error>(()) }).await?;
//! # assert_eq!(score, 0.7);
//! # Ok(()) }
//! ```

use std::future::Future;

use prometheus::{HistogramOpts, HistogramVec, Registry};
use tracing::Span;
use tracing::field::Empty;

use crate::observed::{CANCELLED, Observed};
use crate::tasks::ErrorType;

/// Upper bounds in seconds of an inference.
const INFERENCE: [f64; 12] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];
/// Upper bounds in seconds of a training run: to four hours.
const TRAINING: [f64; 10] = [0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0];

/// The metrics of all models of a process; `outcome` is `success`, `error` or `cancelled`.
#[derive(Debug, Clone)]
pub struct MlTracer {
    inference: HistogramVec,
    training: HistogramVec,
}

impl MlTracer {
    /// Registers `ml_inference_duration_seconds` and `ml_training_duration_seconds` (`model_name`, `outcome`).
    pub fn register(registry: &Registry) -> prometheus::Result<Self> {
        let histogram = |name: &str, help: &str, buckets: &[f64]| {
            let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
            HistogramVec::new(opts, &["model_name", "outcome"])
        };
        let tracer = Self {
            inference: histogram(
                "ml_inference_duration_seconds",
                "Duration of inferences in seconds.",
                &INFERENCE,
            )?,
            training: histogram(
                "ml_training_duration_seconds",
                "Duration of training runs in seconds.",
                &TRAINING,
            )?,
        };
        registry.register(Box::new(tracer.inference.clone()))?;
        registry.register(Box::new(tracer.training.clone()))?;
        Ok(tracer)
    }

    /// Begins an inference over a batch of inputs.
    pub fn inference(&self, model: &str, version: &str, batch_size: usize) -> MlOperation {
        let span = tracing::info_span!(
            "ml.inference",
            otel.name = format!("ml.inference {model}"),
            otel.status_code = Empty,
            ml.model.name = model,
            ml.model.version = version,
            ml.batch.size = batch_size,
            error.type = Empty,
            error.message = Empty,
        );
        MlOperation::start(span, model, &self.inference)
    }

    /// Begins a training run of one tenant's model.
    pub fn training(&self, model: &str, tenant_id: &str) -> MlOperation {
        let span = tracing::info_span!(
            "ml.training",
            otel.name = format!("ml.training {model}"),
            otel.status_code = Empty,
            ml.model.name = model,
            tenant_id = tenant_id,
            error.type = Empty,
            error.message = Empty,
        );
        MlOperation::start(span, model, &self.training)
    }
}

/// What takes seconds and the error's type; boxed, so that the guard has a name.
type Record = Box<dyn FnOnce(f64, Option<&str>) + Send>;

/// An inference or a training run under way; dropped without a run it counts as cancelled.
#[must_use = "the operation is measured by running something as it"]
pub struct MlOperation {
    observed: Observed<Record>,
}

impl std::fmt::Debug for MlOperation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MlOperation")
            .field("span", self.observed.span())
            .finish_non_exhaustive()
    }
}

impl MlOperation {
    fn start(span: Span, model: &str, histogram: &HistogramVec) -> Self {
        let (model, histogram) = (model.to_owned(), histogram.clone());
        let record = move |seconds: f64, error: Option<&str>| {
            let outcome = match error {
                None => "success",
                Some(CANCELLED) => CANCELLED,
                Some(_) => "error",
            };
            histogram.with_label_values(&[model.as_str(), outcome]).observe(seconds);
        };
        Self {
            observed: Observed::start(span, Box::new(record)),
        }
    }

    /// The span, to add attributes to.
    pub fn span(&self) -> &Span {
        self.observed.span()
    }

    /// Runs a future as this operation.
    pub async fn run<T, E: ErrorType>(self, future: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        self.observed.run(future).await
    }

    /// Runs plain code as this operation.
    pub fn run_sync<T, E: ErrorType>(mut self, call: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let result = self.observed.span().in_scope(call);
        self.observed.end(&result);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_end_has_its_outcome() {
        let registry = Registry::new();
        let ml = MlTracer::register(&registry).expect("valid");
        ml.training("mf", "acme")
            .run(async { Ok::<_, &str>(()) })
            .await
            .expect("works");
        ml.training("mf", "acme")
            .run(async { Err::<(), _>("diverged") })
            .await
            .expect_err("fails");
        drop(ml.training("mf", "acme"));
        ml.inference("mf", "3", 1)
            .run_sync(|| Ok::<_, &str>(()))
            .expect("works");
        let text = crate::metrics::render(&registry);
        for outcome in ["success", "error", "cancelled"] {
            let line = format!(r#"ml_training_duration_seconds_count{{model_name="mf",outcome="{outcome}"}} 1"#);
            assert!(text.contains(&line), "{text}");
        }
        let line = r#"ml_inference_duration_seconds_count{model_name="mf",outcome="success"} 1"#;
        assert!(text.contains(line), "{text}");
    }
}
