//! Redis: the real server when it is installed, and its exporter. Where one answers already, that one is used.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use clap::Args;
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{self, Context, ProcessArgs};
use skopos_log_macros as log;

use self::metrics::RedisSource;
use crate::folder::FolderArgs;
use crate::program::Farewell;
use crate::{REDIS, SYSTEM, exporter, program};

mod info;
mod metrics;

/// Bytes of memory that the server may use.
const MAX_MEMORY: &str = "64mb";

/// Settings of Redis.
#[derive(Debug, Args)]
pub(crate) struct RedisArgs {
    /// Where the exporter serves /metrics.
    #[arg(long, default_value = "127.0.0.1:9121", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Port of Redis on 127.0.0.1. A server that answers there already is used as it is.
    #[arg(long, default_value_t = 6379, value_name = "PORT")]
    port: u16,
    #[command(flatten)]
    folder: FolderArgs,
    #[command(flatten)]
    process: ProcessArgs,
}

pub(super) fn run(arguments: RedisArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(REDIS, &process, SYSTEM.faults, |context| serve(arguments, context))
}

async fn serve(arguments: RedisArgs, context: Context) -> Result<(), FleetError> {
    let server = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, arguments.port));
    let is_outside = info::read(server).await.is_ok();
    let installed = program::find(&["redis-server", "valkey-server"], &[]);
    if is_outside {
        log::info!(address = %server, "a Redis answers already and is used as it is");
    } else if installed.is_none() {
        log::warn!("redis-server is not installed: services go on without it (Debian: redis-server)");
    }
    let source = RedisSource {
        address: server,
        is_expected: is_outside || installed.is_some(),
    };
    let work = async {
        let Some(installed) = installed.filter(|_| !is_outside) else {
            return Ok(());
        };
        let folder = arguments.folder.open(REDIS)?;
        let command = || {
            let mut command = program::command(&installed, None, Farewell::Term);
            command
                .args(["--port", &arguments.port.to_string(), "--bind", "127.0.0.1"])
                .args(["--save", "", "--appendonly", "no", "--daemonize", "no"])
                .args(["--maxmemory", MAX_MEMORY, "--maxmemory-policy", "allkeys-lru"])
                .arg("--dir")
                .arg(folder.path());
            command
        };
        program::keep("redis-server", Farewell::Term, command, &context.stop).await?;
        folder.close();
        Ok(())
    };
    tokio::try_join!(exporter::serve(arguments.listen, source, &context), work).map(|_| ())
}
