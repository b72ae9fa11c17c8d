//! Settings of the process as a whole: who it is, whether it is observed, batches, span limits and error tracking.

use std::time::Duration;

use opentelemetry_sdk::trace::SpanLimits;

use super::otlp::{OtlpSettings, Signal};
use super::values::{Secret, Variables, wrong};
use crate::SetupError;

/// How spans, or log records, are gathered for export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchSettings {
    /// How many may wait before new ones are dropped and counted.
    pub max_queue_size: usize,
    /// How many one export holds at most.
    pub max_export_batch_size: usize,
    /// Time until a batch that is not full is sent.
    pub schedule_delay: Duration,
    /// Time that one export may take, where the exporter has no limit of its own.
    pub export_timeout: Duration,
}

impl Default for BatchSettings {
    fn default() -> Self {
        Self {
            max_queue_size: 2048,
            max_export_batch_size: 512,
            schedule_delay: Duration::from_secs(5),
            export_timeout: Duration::from_secs(30),
        }
    }
}

impl BatchSettings {
    /// `OTEL_BSP_*`.
    pub(super) fn of_spans(variables: &Variables<'_>) -> Result<Self, SetupError> {
        Self::read("OTEL_BSP", Self::default(), variables)
    }

    /// `OTEL_BLRP_*`; log records wait for a second at most.
    pub(super) fn of_logs(variables: &Variables<'_>) -> Result<Self, SetupError> {
        let default = Self {
            schedule_delay: Duration::from_secs(1),
            ..Self::default()
        };
        Self::read("OTEL_BLRP", default, variables)
    }

    fn read(prefix: &str, default: Self, variables: &Variables<'_>) -> Result<Self, SetupError> {
        let name = |what: &str| format!("{prefix}_{what}");
        let max_queue_size = variables
            .count(&name("MAX_QUEUE_SIZE"))?
            .unwrap_or(default.max_queue_size);
        let batch = variables.count(&name("MAX_EXPORT_BATCH_SIZE"))?;
        if let Some(batch) = batch.filter(|batch| *batch > max_queue_size) {
            return Err(wrong(
                &name("MAX_EXPORT_BATCH_SIZE"),
                batch.to_string(),
                "at most the queue's size, MAX_QUEUE_SIZE with the same prefix, which is 2048 by default",
            ));
        }
        Ok(Self {
            max_queue_size,
            max_export_batch_size: batch.unwrap_or(default.max_export_batch_size.min(max_queue_size)),
            schedule_delay: variables
                .milliseconds(&name("SCHEDULE_DELAY"))?
                .unwrap_or(default.schedule_delay),
            export_timeout: variables
                .milliseconds(&name("EXPORT_TIMEOUT"))?
                .unwrap_or(default.export_timeout),
        })
    }
}

/// What error tracking is set to; the values are kept here, and nothing is sent from here.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SentrySettings {
    /// `SENTRY_DSN`; error tracking is off without it.
    pub dsn: Option<Secret>,
    /// `TRACES_SAMPLE_RATE`, where set.
    pub traces_sample_rate: Option<f64>,
    /// `PROFILES_SAMPLE_RATE`, where set.
    pub profiles_sample_rate: Option<f64>,
}

impl SentrySettings {
    pub(super) fn read(variables: &Variables<'_>) -> Result<Self, SetupError> {
        let dsn = variables.get("SENTRY_DSN");
        let valid = |dsn: &String| {
            let uri = dsn.parse::<http::Uri>().ok();
            uri.is_some_and(|uri| {
                let with_key = uri
                    .authority()
                    .is_some_and(|authority| authority.as_str().contains('@'));
                with_key && matches!(uri.scheme_str(), Some("http" | "https")) && uri.path().len() > 1
            })
        };
        if dsn.as_ref().is_some_and(|dsn| !valid(dsn)) {
            return Err(wrong(
                "SENTRY_DSN",
                "(hidden)",
                "a DSN such as https://KEY@HOST/PROJECT",
            ));
        }
        Ok(Self {
            dsn: dsn.map(Secret::new),
            traces_sample_rate: variables.share("TRACES_SAMPLE_RATE")?,
            profiles_sample_rate: variables.share("PROFILES_SAMPLE_RATE")?,
        })
    }
}

/// Where logs go; nowhere where neither is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogsSettings {
    /// JSON lines to the sink, which is standard output unless the builder says otherwise.
    pub console: bool,
    /// Log records to an OTLP endpoint.
    pub otlp: Option<OtlpSettings>,
    /// How log records are gathered for it.
    pub batch: BatchSettings,
}

impl LogsSettings {
    pub(super) fn read(variables: &Variables<'_>) -> Result<Self, SetupError> {
        #[derive(Clone, Copy, PartialEq)]
        enum Exporter {
            Console,
            Otlp,
            None,
        }
        let choices = [
            ("console", Exporter::Console),
            ("otlp", Exporter::Otlp),
            ("none", Exporter::None),
        ];
        let expected = "console, otlp, both joined by a comma, or none";
        let exporters = variables
            .choices("OTEL_LOGS_EXPORTER", &choices, expected)?
            .unwrap_or_else(|| vec![Exporter::Console]);
        let otlp = if exporters.contains(&Exporter::Otlp) {
            Some(OtlpSettings::read(Signal::Logs, variables)?)
        } else {
            None
        };
        Ok(Self {
            console: exporters.contains(&Exporter::Console),
            otlp,
            batch: BatchSettings::of_logs(variables)?,
        })
    }
}

/// Off when any of the switches says so.
pub(super) fn is_enabled(variables: &Variables<'_>) -> Result<bool, SetupError> {
    let disabled = variables.strict_flag("OTEL_SDK_DISABLED")?;
    let enabled = variables.flag("ENABLE_OBSERVABILITY")?.unwrap_or(true);
    let apm = variables.flag("APM_ENABLED")?.unwrap_or(true);
    Ok(disabled.map_or(enabled && apm, |disabled| !disabled))
}

pub(super) fn span_limits(variables: &Variables<'_>) -> Result<SpanLimits, SetupError> {
    let mut limits = SpanLimits::default();
    let fields = [
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", &mut limits.max_attributes_per_span),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", &mut limits.max_events_per_span),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", &mut limits.max_links_per_span),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", &mut limits.max_attributes_per_event),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", &mut limits.max_attributes_per_link),
    ];
    for (name, field) in fields {
        if let Some(limit) = variables.limit(name)? {
            *field = limit;
        }
    }
    Ok(limits)
}
