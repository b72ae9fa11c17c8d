//! One thing that is measured, and the set-ups that are measured with.

use std::hint::black_box;
use std::sync::Arc;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter};
use skopos_sdk::{Observability, ObservabilityBuilder, Settings};

/// Does the thing so many times.
pub(crate) type Run = Box<dyn FnMut(u64)>;

/// What is measured. Nothing is set up before it is prepared.
pub(crate) struct Case {
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
    pub(crate) prepare: fn() -> Run,
}

pub(crate) const fn case(group: &'static str, name: &'static str, prepare: fn() -> Run) -> Case {
    Case { group, name, prepare }
}

/// Takes spans and does nothing, so that the cost is that of the caller.
#[derive(Debug)]
pub(crate) struct Sink;

impl SpanExporter for Sink {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        drop(black_box(batch));
        Ok(())
    }
}

/// The SDK with a share of sampled traces.
pub(crate) fn sdk(rate: &'static str) -> Observability {
    sdk_of(&[("TRACE_SAMPLE_RATE", rate)])
}

/// The SDK with these variables.
pub(crate) fn sdk_of(variables: &[(&str, &str)]) -> Observability {
    let settings = Settings::from_lookup("bench", "1", |name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    });
    ObservabilityBuilder::new(settings.expect("valid"))
        .log_sink(Arc::new(|line| {
            black_box(line);
        }))
        .span_exporter(Sink)
        .build()
        .expect("builds")
}

/// OpenTelemetry alone, with a queue as the SDK's.
pub(crate) fn plain_tracers(sampler: Sampler) -> SdkTracerProvider {
    let processor = BatchSpanProcessor::builder(Sink).build();
    SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(sampler)))
        .with_span_processor(processor)
        .build()
}
