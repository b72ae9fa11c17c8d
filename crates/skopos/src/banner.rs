//! What the program says on the terminal: where to go, what to point at it, and errors.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the banner and errors are for the terminal"
)]

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use skopos_fleet::ServiceSpec;

/// Addresses that were bound.
#[derive(Debug)]
pub(crate) struct Addresses {
    /// The page and the HTTP APIs.
    pub(crate) http: SocketAddr,
    /// OTLP over HTTP.
    pub(crate) otlp_http: Option<SocketAddr>,
    /// OTLP over gRPC.
    pub(crate) otlp_grpc: Option<SocketAddr>,
}

/// Prints each URL, what to point at it, where the data lies and how to stop.
pub(crate) fn print_serving(addresses: &Addresses, data: &Path, ready: Duration) {
    let http = format!("http://{}", addresses.http);
    println!(
        "Skopos {} is ready after {} ms",
        env!("CARGO_PKG_VERSION"),
        ready.as_millis()
    );
    println!();
    println!("  page            {http}/");
    println!("  Prometheus API  {http}/api/v1      Grafana data source, promtool; remote write at /api/v1/write");
    println!("  Loki API        {http}/loki/api/v1 push and query");
    println!("  Jaeger API      {http}/jaeger/api  query");
    if let Some(address) = addresses.otlp_grpc {
        println!("  OTLP gRPC       http://{address}     OTEL_EXPORTER_OTLP_ENDPOINT of your services");
    }
    if let Some(address) = addresses.otlp_http {
        println!("  OTLP HTTP       http://{address}     the same with OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf");
    }
    println!("  data            {}", data.display());
    println!();
    println!("Stop with Ctrl-C; reload the configuration with SIGHUP or a POST to /-/reload.");
}

/// Prints which services run and how the demo ends.
pub(crate) fn print_fleet(services: &[ServiceSpec]) {
    println!();
    println!("The fleet, observed through its /metrics, OTLP and standard output:");
    for service in services {
        let port = service.port.map(|port| format!(":{port}")).unwrap_or_default();
        println!(
            "  {:<13} {:<20} {port:<6} {}",
            service.system, service.name, service.about
        );
    }
    println!();
    println!("Its alerts are quiet until something is wrong: try `skopos demo --fault help`.");
}

/// Prints the version.
pub(crate) fn print_version(json: bool) {
    let version = env!("CARGO_PKG_VERSION");
    if json {
        println!("{}", serde_json::json!({"name": "skopos", "version": version}));
    } else {
        println!("skopos {version}");
    }
}

/// Prints one line to stdout.
pub(crate) fn print_line(text: &str) {
    println!("{text}");
}

/// Prints an error with its causes.
pub(crate) fn print_error(error: &anyhow::Error) {
    eprintln!("skopos: {error:#}");
}
