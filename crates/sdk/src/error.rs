//! Why observability could not be set up. Nothing after the set-up returns an error to the service.

/// A fault in the configuration or a second installation; a dead backend is never one.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A process has one global subscriber.
    #[error(
        "install observability: a global tracing subscriber is set already\ncall setup_observability once, first in main"
    )]
    AlreadyInstalled,
    /// An environment variable holds what it cannot mean.
    #[error("read setting {name}={value}: expected {expected}\ncorrect the environment variable {name} or unset it")]
    Setting {
        /// The variable.
        name: String,
        /// Its value.
        value: String,
        /// What would be right.
        expected: &'static str,
    },
    /// The OTLP exporter refused its configuration.
    #[error(
        "build the OTLP exporter for {endpoint}\ncheck OTEL_EXPORTER_OTLP_ENDPOINT, for example http://localhost:4317"
    )]
    Exporter {
        /// The endpoint from the settings.
        endpoint: String,
        /// What the exporter said.
        #[source]
        source: opentelemetry_otlp::ExporterBuildError,
    },
    /// The HTTP client of an exporter could not be built.
    #[error("build the HTTP client for {endpoint}\ncheck the endpoint and the TLS files of the settings")]
    Client {
        /// The endpoint from the settings.
        endpoint: String,
        /// What the client said.
        #[source]
        source: reqwest::Error,
    },
    /// A TLS file of the settings cannot be read.
    #[error("read {}\ncheck OTEL_EXPORTER_OTLP_CERTIFICATE, _CLIENT_CERTIFICATE and _CLIENT_KEY", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The metrics reader could not be joined to the registry.
    #[error("join the OpenTelemetry meter to the metrics registry")]
    Meter(#[source] opentelemetry_sdk::error::OTelSdkError),
    /// Two metrics of one name, or a name that is not valid.
    #[error("register metrics")]
    Metrics(#[from] prometheus::Error),
    /// The export thread could not be started.
    #[error("start the export runtime")]
    Runtime(#[source] std::io::Error),
    /// `RUST_LOG` or `LOG_LEVEL` does not parse.
    #[error("read the log filter {filter}\nuse a level such as info, or directives such as info,my_crate=debug")]
    Filter {
        /// The text that was read.
        filter: String,
        /// What the parser said.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
}
