//! The OTLP exporters of `opentelemetry-otlp` from the settings: gRPC or protobuf over HTTP.

use std::collections::HashMap;

use opentelemetry_otlp::tonic_types::metadata::MetadataMap;
use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig, Identity};
use opentelemetry_otlp::{
    Compression, ExporterBuildError, LogExporter, MetricExporter, Protocol, SpanExporter, WithExportConfig,
    WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::metrics::Temporality;
use tokio::runtime::Runtime;

use super::http::{Client, read};
use crate::SetupError;
use crate::settings::{OtlpProtocol, OtlpSettings};

/// Exporter of spans.
pub(super) fn spans(otlp: &OtlpSettings, runtime: &Runtime) -> Result<SpanExporter, SetupError> {
    let _entered = runtime.enter();
    let built = match otlp.protocol {
        OtlpProtocol::Grpc => over_grpc(SpanExporter::builder().with_tonic(), otlp)?.build(),
        OtlpProtocol::HttpProtobuf => over_http(
            SpanExporter::builder().with_http(),
            otlp,
            Client::for_otlp(otlp, runtime)?,
        )
        .build(),
    };
    built.map_err(|source| refused(otlp, source))
}

/// Exporter of log records.
pub(super) fn logs(otlp: &OtlpSettings, runtime: &Runtime) -> Result<LogExporter, SetupError> {
    let _entered = runtime.enter();
    let built = match otlp.protocol {
        OtlpProtocol::Grpc => over_grpc(LogExporter::builder().with_tonic(), otlp)?.build(),
        OtlpProtocol::HttpProtobuf => {
            let client = Client::for_otlp(otlp, runtime)?;
            over_http(LogExporter::builder().with_http(), otlp, client).build()
        }
    };
    built.map_err(|source| refused(otlp, source))
}

/// Exporter of metrics.
pub(super) fn metrics(
    otlp: &OtlpSettings,
    temporality: Temporality,
    runtime: &Runtime,
) -> Result<MetricExporter, SetupError> {
    let _entered = runtime.enter();
    let builder = MetricExporter::builder().with_temporality(temporality);
    let built = match otlp.protocol {
        OtlpProtocol::Grpc => over_grpc(builder.with_tonic(), otlp)?.build(),
        OtlpProtocol::HttpProtobuf => over_http(builder.with_http(), otlp, Client::for_otlp(otlp, runtime)?).build(),
    };
    built.map_err(|source| refused(otlp, source))
}

fn refused(otlp: &OtlpSettings, source: ExporterBuildError) -> SetupError {
    SetupError::Exporter {
        endpoint: otlp.endpoint.clone(),
        source,
    }
}

fn over_grpc<B: WithExportConfig + WithTonicConfig>(builder: B, otlp: &OtlpSettings) -> Result<B, SetupError> {
    let mut builder = builder
        .with_endpoint(&otlp.endpoint)
        .with_timeout(otlp.timeout)
        .with_metadata(MetadataMap::from_headers(headers(otlp)));
    if otlp.gzip {
        builder = builder.with_compression(Compression::Gzip);
    }
    if otlp.endpoint.to_ascii_lowercase().starts_with("https://") {
        builder = builder.with_tls_config(tls(otlp)?);
    }
    Ok(builder)
}

fn tls(otlp: &OtlpSettings) -> Result<ClientTlsConfig, SetupError> {
    let mut tls = match &otlp.certificate {
        Some(path) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(path)?)),
        None => ClientTlsConfig::new().with_enabled_roots(),
    };
    if let Some((certificate, key)) = &otlp.client {
        tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?));
    }
    Ok(tls)
}

fn over_http<B: WithExportConfig + WithHttpConfig>(builder: B, otlp: &OtlpSettings, client: Client) -> B {
    let exposed: HashMap<String, String> = otlp
        .headers
        .iter()
        .map(|(key, value)| (key.clone(), value.expose().to_owned()))
        .collect();
    let builder = builder
        .with_endpoint(&otlp.endpoint)
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(otlp.timeout)
        .with_headers(exposed)
        .with_http_client(client);
    if otlp.gzip {
        builder.with_compression(Compression::Gzip)
    } else {
        builder
    }
}

/// The settings have checked that names and values can be headers.
fn headers(otlp: &OtlpSettings) -> http::HeaderMap {
    let pair = |(key, value): &(String, crate::settings::Secret)| {
        Some((key.parse::<http::HeaderName>().ok()?, value.expose().parse().ok()?))
    };
    otlp.headers.iter().filter_map(pair).collect()
}
