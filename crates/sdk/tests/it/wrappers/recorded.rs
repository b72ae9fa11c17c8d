//! What a test has recorded: spans of this thread and the metrics of one meter.

use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use prometheus::{Encoder, Registry, TextEncoder};
use tracing_subscriber::prelude::*;

pub(crate) struct Recorded {
    pub(crate) meter: Meter,
    spans: InMemorySpanExporter,
    registry: Registry,
    _meters: SdkMeterProvider,
    _guard: tracing::subscriber::DefaultGuard,
}

impl Recorded {
    pub(crate) fn start() -> Self {
        opentelemetry::global::set_text_map_propagator(skopos_sdk::W3cPropagator);
        let spans = InMemorySpanExporter::default();
        let tracers = SdkTracerProvider::builder().with_simple_exporter(spans.clone()).build();
        let layer = tracing_opentelemetry::layer()
            .with_tracer(tracers.tracer("test"))
            .with_filter(tracing_subscriber::filter::Targets::new().with_target("skopos_sdk", tracing::Level::INFO));
        let registry = Registry::new();
        let reader = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .build();
        let meters = SdkMeterProvider::builder()
            .with_reader(reader.expect("an empty registry"))
            .build();
        Self {
            meter: meters.meter("test"),
            spans,
            registry,
            _meters: meters,
            _guard: tracing::subscriber::set_default(tracing_subscriber::registry().with(layer)),
        }
    }

    pub(crate) fn spans(&self) -> Vec<SpanData> {
        self.spans.get_finished_spans().expect("kept")
    }

    #[track_caller]
    pub(crate) fn span(&self, name: &str) -> SpanData {
        let spans = self.spans();
        let names: Vec<_> = spans.iter().map(|span| span.name.to_string()).collect();
        let found = spans.into_iter().find(|span| span.name == name);
        found.unwrap_or_else(|| panic!("a span {name} among {names:?}"))
    }

    /// Count of a histogram's series with all these labels.
    pub(crate) fn count(&self, histogram: &str, labels: &[(&str, &str)]) -> u64 {
        let count = |line: &String| {
            let (_, value) = line.rsplit_once(' ')?;
            value.parse::<u64>().ok()
        };
        let lines = self.lines(&format!("{histogram}_count"), labels);
        lines.iter().map(|line| count(line).expect("a number")).sum()
    }

    /// Whether there is a sample of that name with all these labels.
    pub(crate) fn has(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        !self.lines(name, labels).is_empty()
    }

    fn lines(&self, name: &str, labels: &[(&str, &str)]) -> Vec<String> {
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.registry.gather(), &mut text)
            .expect("into memory");
        let text = String::from_utf8(text).expect("UTF-8");
        let prefix = format!("{name}{{");
        text.lines()
            .filter(|line| line.starts_with(&prefix))
            .filter(|line| labels.iter().all(|(k, v)| line.contains(&format!("{k}=\"{v}\""))))
            .map(str::to_owned)
            .collect()
    }
}

pub(crate) fn attribute(span: &SpanData, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|a| a.key.as_str() == key)?;
    Some(found.value.to_string())
}
