//! `skopos demo`: a server with the packs of the fleet's systems, and the systems themselves as
//! child processes with traffic.

mod fleet;
mod packs;
mod ports;

use std::fmt::Write as _;

use anyhow::bail;
use skopos_fleet::{FaultSpec, Launch, ServiceSpec, somaagent01};

use crate::banner;
use crate::cli::demo::DemoArgs;
use crate::node::Node;
use crate::telemetry::Telemetry;

use fleet::Fleet;

/// The word that asks for the list of faults.
const LIST_FAULTS: &str = "help";

/// One system of the fleet.
#[derive(Debug, Clone, Copy)]
struct System {
    name: &'static str,
    services: &'static [ServiceSpec],
    faults: &'static [FaultSpec],
}

/// All systems that can run.
fn systems() -> [System; 1] {
    [System {
        name: somaagent01::SYSTEM,
        services: somaagent01::services(),
        faults: somaagent01::faults(),
    }]
}

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
        bus: args.bus.clone().unwrap_or(Launch::default().bus),
        faults: args.faults.clone(),
        seed: args.seed,
        rate: Launch::default().rate * args.load,
    };
    let has_own_bus = args.bus.is_none();
    let services: Vec<(System, ServiceSpec)> = chosen
        .iter()
        .flat_map(|system| system.services.iter().map(|service| (*system, *service)))
        .filter(|(_, service)| has_own_bus || !service.is_bus)
        .collect();
    ports::refuse_taken(services.iter().map(|(_, service)| service))?;
    for system in &chosen {
        // A pack of that name on the command line is meant to stand in for the usual one.
        if args.serve.packs.iter().all(|pack| !pack.ends_with(system.name)) {
            let pack = packs::find(system.name, &args.serve.storage_path)?;
            args.serve.packs.push(pack);
        }
    }
    let node = Node::start(&args.serve, telemetry).await?;
    let fleet = Fleet::start(&services, &launch, &node);
    banner::print_fleet(&services.iter().map(|(_, service)| *service).collect::<Vec<_>>());
    node.asked_to_stop().await;
    fleet.stop().await;
    node.stop().await
}

fn choose(args: &DemoArgs) -> anyhow::Result<Vec<System>> {
    let known = systems();
    let mut chosen: Vec<System> = Vec::new();
    for name in &args.systems {
        let Some(system) = known.iter().find(|system| system.name == name) else {
            let names: Vec<&str> = known.iter().map(|system| system.name).collect();
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
    for system in systems() {
        for fault in system.faults {
            writeln!(
                text,
                "  {:<16} {} {}: {}",
                fault.name, system.name, fault.service, fault.about
            )
            .expect("writing to memory cannot fail");
        }
    }
    text
}
