//! The subscriber: spans to OpenTelemetry, events to lines, records and error tracking, each with its own filter.

use opentelemetry::logs::LoggerProvider;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::SdkTracer;
use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt, Targets};
use tracing_subscriber::prelude::*;

use super::directives::Directives;
use super::output::Output;
use super::scope;
use crate::SetupError;
#[cfg(feature = "errors")]
use crate::errors::Errors;
use crate::logging::{JsonLayer, LineSink, RecordLayer};
use crate::sampler::{RootSampler, SampledEvents, SkipUnsampled};
use crate::settings::Settings;

/// Libraries whose spans and events would describe the export itself.
const SILENT_TARGETS: [&str; 6] = ["h2", "hyper", "tonic", "tower", "opentelemetry", "rustls"];
/// The SDK's own diagnostics repeat what the export counters and the one warning per outage say.
const OWN_DIAGNOSTICS: [&str; 3] = ["opentelemetry", "opentelemetry_sdk", "opentelemetry-otlp"];

pub(super) fn dispatch(
    settings: &Settings,
    sink: LineSink,
    tracer: SdkTracer,
    sampler: RootSampler,
    loggers: Option<&SdkLoggerProvider>,
    #[cfg(feature = "errors")] errors: Option<&Errors>,
) -> Result<Dispatch, SetupError> {
    let span_filter = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_targets(SILENT_TARGETS.map(|target| (target, LevelFilter::OFF)));
    let traces = settings.enabled.then(|| {
        tracing_opentelemetry::layer()
            .with_tracer(tracer)
            .with_threads(false)
            .with_tracked_inactivity(false)
            // The cheaper question first.
            .with_filter(FilterExt::and(
                (!settings.errors_always).then_some(SampledEvents),
                span_filter.clone(),
            ))
    });
    let spans_level = traces.as_ref().map(|_| LevelFilter::INFO);
    let filter = Directives::new(settings, &OWN_DIAGNOSTICS)?;
    let lines_level = settings.logs.console.then(|| filter.most_verbose());
    let lines = settings.logs.console.then(|| Output {
        filter,
        layer: JsonLayer::new(&settings.service, sink),
    });
    // What the export itself has to say would be exported, and so on.
    let filter = Directives::new(settings, &[&OWN_DIAGNOSTICS[..], &SILENT_TARGETS].concat())?;
    let records_level = loggers.map(|_| filter.most_verbose());
    let records = loggers.map(|loggers| Output {
        filter,
        layer: RecordLayer::new(loggers.logger_with_scope(scope(settings)), settings.pii_filter),
    });
    #[cfg(feature = "errors")]
    let errors = errors.map(|errors| Output {
        filter: span_filter,
        layer: errors.layer(),
    });
    #[cfg(not(feature = "errors"))]
    let errors = None::<tracing_subscriber::layer::Identity>;
    let errors_level = errors.as_ref().map(|_| LevelFilter::INFO);
    let level = [spans_level, lines_level, records_level, errors_level]
        .into_iter()
        .flatten()
        .max();
    // One layer of all over the registry: with one over the other each asks all below it when a span ends.
    let outputs = Layer::and_then(traces, lines).and_then(records).and_then(errors);
    let skip = settings.skips_unsampled().then(|| SkipUnsampled::new(sampler));
    // A layer that is left out, or has no filter, is taken for one that wants every level: what a library traces would be
    // asked about, and handed on, each time.
    let layers = outputs.and_then(skip).and_then(level.unwrap_or(LevelFilter::OFF));
    Ok(Dispatch::new(tracing_subscriber::registry().with(layers)))
}
