//! `skopos demo`: a server with the packs of the fleet's systems, and the systems themselves as
//! child processes with traffic.

mod fleet;
mod packs;
mod ports;
mod switchboard;

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::bail;
use skopos_bus::Security;
use skopos_fleet::{FaultSpec, Launch, Role, SYSTEMS, ServiceSpec, SystemSpec, needed};

use crate::banner;
use crate::cli::demo::DemoArgs;
use crate::node::Node;
use crate::telemetry::Telemetry;

use fleet::Fleet;
use switchboard::Switchboard;

/// The word that asks for the list of faults.
const LIST_FAULTS: &str = "help";

/// Prints the faults if that is asked for; returns whether it was.
pub(crate) fn list_faults(args: &DemoArgs) -> bool {
    let is_asked = args.faults.iter().any(|name| name == LIST_FAULTS);
    if is_asked {
        banner::print_line(fault_list().trim_end());
    }
    is_asked
}

/// Serves and runs the fleet until a signal asks for the end.
pub(crate) async fn run(mut args: DemoArgs, telemetry: Telemetry) -> anyhow::Result<()> {
    let chosen = choose(&args)?;
    let launch = Launch {
        bus: args.serve.bus.clone().unwrap_or(Launch::default().bus),
        faults: args.faults.clone(),
        seed: args.seed,
        load: args.load,
    };
    let has_own_bus = args.serve.bus.is_none();
    let services: Vec<ServiceSpec> = needed(&chosen)
        .chain(chosen.iter().flat_map(|system| system.services))
        .filter(|service| has_own_bus || service.role != Role::Bus)
        .copied()
        .collect();
    ports::refuse_taken(&services).await?;
    if services.iter().any(|service| service.role == Role::Bus) {
        refuse_secured()?;
        args.serve.bus = Some(launch.bus.clone());
    }
    for system in &chosen {
        // A pack of that name on the command line is meant to stand in for the usual one.
        if args.serve.packs.iter().all(|pack| !pack.ends_with(system.name)) {
            let pack = packs::find(system.name, &args.serve.storage_path)?;
            args.serve.packs.push(pack);
        }
    }
    args.serve
        .compat
        .open_scraped_by(chosen.iter().map(|system| system.name));
    let faults = chosen
        .iter()
        .flat_map(|system| system.faults.iter().map(|fault| (system.name, *fault)))
        .collect();
    let board = Arc::new(Switchboard::new(faults, launch));
    let node = Box::pin(Node::start(&args.serve, telemetry, Some(Arc::clone(&board) as _))).await?;
    let fleet = Fleet::start(&services, &board, &node);
    banner::print_fleet(&services);
    node.asked_to_stop().await;
    fleet.stop().await;
    node.stop().await
}

/// What the environment says of an outside bus would be asked of the demo's own one too.
fn refuse_secured() -> anyhow::Result<()> {
    if Security::from_env()?.is_plain() {
        return Ok(());
    }
    bail!(
        "KAFKA_SECURITY_PROTOCOL asks for TLS or a password, and the demo's own broker speaks neither\n\
         name your brokers with --bus kafka://HOST:PORT, or unset the variable"
    );
}

fn choose(args: &DemoArgs) -> anyhow::Result<Vec<SystemSpec>> {
    let mut chosen: Vec<SystemSpec> = Vec::new();
    for name in &args.systems {
        let Some(system) = SYSTEMS.iter().find(|system| system.name == name) else {
            let names: Vec<&str> = SYSTEMS.iter().map(|system| system.name).collect();
            bail!(
                "--system {name}: there is no such system\nchoose from: {}",
                names.join(", ")
            );
        };
        if chosen.iter().all(|other| other.name != system.name) {
            chosen.push(*system);
        }
    }
    for fault in &args.faults {
        if !chosen
            .iter()
            .any(|system| system.faults.iter().any(|known| known.name == fault))
        {
            bail!(
                "--fault {fault}: no system that runs has such a fault; there are:\n{}",
                fault_list().trim_end()
            );
        }
    }
    Ok(chosen)
}

fn fault_list() -> String {
    let mut text = String::new();
    for system in SYSTEMS {
        for FaultSpec {
            name, service, about, ..
        } in system.faults
        {
            writeln!(text, "  {name:<24} {} {service}: {about}", system.name).expect("writing to memory cannot fail");
        }
    }
    text
}
