//! What the program says on the terminal: where to go, what to point at it, and errors.
#![expect(clippy::print_stderr, reason = "errors are for the terminal")]

use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use skopos_fleet::ServiceSpec;
use skopos_server::ClassicApi;

/// Addresses that were bound.
#[derive(Debug)]
pub(crate) struct Addresses {
    /// The page and the HTTP APIs.
    pub(crate) http: SocketAddr,
    /// OTLP over HTTP.
    pub(crate) otlp_http: Option<SocketAddr>,
    /// OTLP over gRPC.
    pub(crate) otlp_grpc: Option<SocketAddr>,
    /// StatsD, over UDP and TCP.
    pub(crate) statsd: Option<SocketAddr>,
    /// Classic ports.
    pub(crate) classic: Vec<(ClassicApi, SocketAddr)>,
    /// `https` where connections are encrypted, else `http`.
    pub(crate) scheme: &'static str,
}

/// Prints each URL, what to point at it, where the data lies and how to stop.
pub(crate) fn print_serving(addresses: &Addresses, data: &Path, ready: Duration) {
    let scheme = addresses.scheme;
    let http = format!("{scheme}://{}", addresses.http);
    let version = env!("CARGO_PKG_VERSION");
    say(&format!("Skopos {version} is ready after {} ms", ready.as_millis()));
    say("");
    say(&format!("  page            {http}/"));
    say(&format!(
        "  Prometheus API  {http}/api/v1      Grafana data source, promtool; remote write at /api/v1/write"
    ));
    say(&format!("  Loki API        {http}/loki/api/v1 push and query"));
    say(&format!("  Jaeger API      {http}/jaeger/api  query"));
    if let Some(address) = addresses.otlp_grpc {
        say(&format!(
            "  OTLP gRPC       {scheme}://{address}     OTEL_EXPORTER_OTLP_ENDPOINT of your services"
        ));
    }
    if let Some(address) = addresses.otlp_http {
        say(&format!(
            "  OTLP HTTP       {scheme}://{address}     the same with OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
        ));
    }
    if let Some(address) = addresses.statsd {
        say(&format!(
            "  StatsD          {address}            UDP and TCP, with the tags of DogStatsD"
        ));
    }
    for (api, address) in &addresses.classic {
        let port = api.port();
        let (name, purpose) = (port.name, port.purpose);
        say(&format!("  {name:<15} {scheme}://{address}     {purpose}"));
    }
    say(&format!("  data            {}", data.display()));
    say("");
    say("Stop with Ctrl-C; reload the configuration with SIGHUP or a POST to /-/reload.");
}

/// Prints which services run and how the demo ends.
pub(crate) fn print_fleet(services: &[ServiceSpec]) {
    say("");
    say("The fleet, observed through its /metrics, OTLP and standard output:");
    for service in services {
        let port = service.port.map(|port| format!(":{port}")).unwrap_or_default();
        let (system, name, about) = (service.system, &service.name, &service.about);
        say(&format!("  {system:<13} {name:<20} {port:<6} {about}"));
    }
    say("");
    say("Its alerts are quiet until something is wrong: try `skopos demo --fault help`.");
}

/// Prints the version.
pub(crate) fn print_version(json: bool) {
    let version = env!("CARGO_PKG_VERSION");
    if json {
        print_line(&serde_json::json!({"name": "skopos", "version": version}).to_string());
    } else {
        print_line(&format!("skopos {version}"));
    }
}

/// Prints one line of an answer to stdout. A reader that has seen enough, such as `head`, ends the
/// program quietly.
pub(crate) fn print_line(text: &str) {
    if let Err(error) = writeln!(std::io::stdout(), "{text}") {
        let code = i32::from(error.kind() != ErrorKind::BrokenPipe);
        std::process::exit(code);
    }
}

/// Prints one line of a banner. A server goes on where nobody reads it.
fn say(text: &str) {
    writeln!(std::io::stdout(), "{text}").unwrap_or_default();
}

/// Prints a line on stderr, where the output is data.
pub(crate) fn print_error_line(line: &str) {
    eprintln!("{line}");
}

/// Prints an error with its causes.
pub(crate) fn print_error(error: &anyhow::Error) {
    eprintln!("skopos: {error:#}");
}
