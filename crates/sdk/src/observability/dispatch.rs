//! The subscriber: spans to OpenTelemetry, events to lines, records and error tracking, each with its own filter.

use opentelemetry::logs::LoggerProvider;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::SdkTracer;
use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, FilterExt, Targets};
use tracing_subscriber::prelude::*;

use super::scope;
use crate::SetupError;
#[cfg(feature = "errors")]
use crate::errors::Errors;
use crate::logging::{JsonLayer, LineSink, RecordLayer};
use crate::sampler::{SampledEvents, SkipUnsampled};
use crate::settings::Settings;

/// Libraries whose spans and events would describe the export itself.
const SILENT_TARGETS: [&str; 6] = ["h2", "hyper", "tonic", "tower", "opentelemetry", "rustls"];
/// The SDK's own diagnostics repeat what the export counters and the one warning per outage say.
const OWN_DIAGNOSTICS: [&str; 3] = ["opentelemetry", "opentelemetry_sdk", "opentelemetry-otlp"];

pub(super) fn dispatch(
    settings: &Settings,
    sink: LineSink,
    tracer: SdkTracer,
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
            .with_filter(
                span_filter
                    .clone()
                    .and((!settings.errors_always).then_some(SampledEvents)),
            )
    });
    let filter = event_filter(settings, &OWN_DIAGNOSTICS)?;
    let lines = settings
        .logs
        .console
        .then(|| JsonLayer::new(&settings.service, sink).with_filter(filter));
    // What the export itself has to say would be exported, and so on.
    let filter = event_filter(settings, &[&OWN_DIAGNOSTICS[..], &SILENT_TARGETS].concat())?;
    let records = loggers.map(|loggers| {
        let logger = loggers.logger_with_scope(scope(settings));
        RecordLayer::new(logger, settings.pii_filter).with_filter(filter)
    });
    #[cfg(feature = "errors")]
    let errors = errors.map(|errors| errors.layer().with_filter(span_filter.clone()));
    #[cfg(not(feature = "errors"))]
    let errors = None::<tracing_subscriber::layer::Identity>;
    let layers = tracing_subscriber::registry()
        .with(traces)
        .with(lines)
        .with(records)
        .with(errors)
        .with(settings.skips_unsampled().then_some(SkipUnsampled));
    Ok(Dispatch::new(layers))
}

/// The directives of the settings, without these targets.
fn event_filter(settings: &Settings, without: &[&str]) -> Result<EnvFilter, SetupError> {
    let filter = EnvFilter::try_new(&settings.log_filter).map_err(|source| SetupError::Filter {
        filter: settings.log_filter.clone(),
        source,
    })?;
    Ok(without.iter().fold(filter, |filter, target| {
        filter.add_directive(format!("{target}=off").parse().expect("a constant directive"))
    }))
}
