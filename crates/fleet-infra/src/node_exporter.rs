//! The machine's metrics under node_exporter's names, as a process with a port, for packs that scrape one.

use std::net::SocketAddr;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use clap::Args;
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{self, Context, ProcessArgs, health_router};
use skopos_host::Host;

use crate::{NODE_EXPORTER, SYSTEM, exporter};

/// Settings of the node exporter.
#[derive(Debug, Args)]
pub(crate) struct NodeExporterArgs {
    /// Where /metrics is served.
    #[arg(long, default_value = "127.0.0.1:9100", value_name = "ADDRESS")]
    listen: SocketAddr,
    #[command(flatten)]
    process: ProcessArgs,
}

pub(super) fn run(arguments: NodeExporterArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(NODE_EXPORTER, &process, SYSTEM.faults, |context| {
        serve(arguments, context)
    })
}

async fn serve(arguments: NodeExporterArgs, context: Context) -> Result<(), FleetError> {
    let observability = context.observability.clone();
    let render = move || {
        let text = Host.render() + &observability.render_metrics();
        std::future::ready(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
    };
    let router = Router::new().route("/metrics", get(render)).merge(health_router());
    exporter::stand_in(arguments.listen, router, context.stop.clone()).await
}
