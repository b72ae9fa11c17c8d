//! What containers use, under cAdvisor's names: cgroups of version 1 or 2, the machine as the group `/`, and the
//! processes of the fleet as groups of their own, so that there is something to see on a machine without containers.

use std::net::SocketAddr;

use clap::Args;
use prometheus::proto::MetricFamily;
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{self, Context, ProcessArgs};
use skopos_log_macros::{self as log, chain};

use crate::exporter::Source;
use crate::{CADVISOR, SYSTEM, exporter};

mod cgroups;
mod group;
mod machine;
mod processes;

/// Settings of cAdvisor.
#[derive(Debug, Args)]
pub(crate) struct CadvisorArgs {
    /// Where /metrics is served.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    #[command(flatten)]
    process: ProcessArgs,
}

pub(super) fn run(arguments: CadvisorArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(CADVISOR, &process, SYSTEM.faults, |context| serve(arguments, context))
}

async fn serve(arguments: CadvisorArgs, context: Context) -> Result<(), FleetError> {
    exporter::serve(arguments.listen, Groups, &context).await
}

/// Reads all groups at each scrape.
struct Groups;

impl Source for Groups {
    async fn read(&self) -> Vec<MetricFamily> {
        let read = || {
            let mut groups = vec![machine::read()];
            groups.extend(cgroups::containers());
            groups.extend(processes::of_the_fleet());
            let mut families = group::families(&groups);
            families.extend(machine::families());
            families
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(families) => families,
            Err(error) => {
                log::error!(error = chain(&error), "groups could not be read");
                Vec::new()
            }
        }
    }
}
