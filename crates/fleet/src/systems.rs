//! The list of all systems, and which shared services a choice of them needs.

use skopos_fleet_frame::{ServiceSpec, SystemSpec};

/// What the systems share.
pub const INFRA: SystemSpec = skopos_fleet_infra::SYSTEM;

/// All systems that can run.
pub const SYSTEMS: &[SystemSpec] = &[
    skopos_fleet_somaagent01::SYSTEM,
    skopos_fleet_somaagent::SYSTEM,
    skopos_fleet_recommender::SYSTEM,
    skopos_fleet_arbitrage::SYSTEM,
    skopos_fleet_dawsos::SYSTEM,
];

/// The shared services that any of `systems` needs.
pub fn needed(systems: &[SystemSpec]) -> impl Iterator<Item = &'static ServiceSpec> {
    INFRA
        .services
        .iter()
        .filter(|service| systems.iter().any(|system| system.needs.contains(&service.name)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::Parser;
    use skopos_fleet_frame::{FaultKind, Launch};

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        command: crate::FleetCommand,
    }

    fn all() -> impl Iterator<Item = &'static SystemSpec> {
        const ALL: &[SystemSpec] = &[INFRA];
        ALL.iter().chain(SYSTEMS)
    }

    #[test]
    fn every_argument_list_parses() {
        for system in all() {
            let launch = Launch {
                faults: system.faults.iter().map(|fault| fault.name.to_owned()).collect(),
                ..Launch::default()
            };
            for service in system.services {
                let arguments = service.arguments(&launch, system.faults);
                if let Err(error) = Cli::try_parse_from(&arguments) {
                    panic!("{arguments:?}: {error}");
                }
            }
        }
    }

    #[test]
    fn names_and_ports_are_used_once() {
        let (mut faults, mut ports) = (BTreeSet::new(), BTreeSet::new());
        for system in all() {
            for service in system.services {
                assert_eq!(service.system, system.name);
                assert!(service.port.is_none_or(|port| ports.insert(port)), "{}", service.name);
            }
            for fault in system.faults {
                assert!(faults.insert(fault.name), "{}", fault.name);
                let has_service = |system: &SystemSpec| system.services.iter().any(|one| one.name == fault.service);
                assert!(
                    has_service(system) || (fault.kind == FaultKind::Stop && has_service(&INFRA)),
                    "{} is of no service",
                    fault.name
                );
            }
        }
    }

    #[test]
    fn what_a_system_needs_exists() {
        for system in SYSTEMS {
            let found = needed(std::slice::from_ref(system)).count();
            assert_eq!(found, system.needs.len(), "{}", system.name);
        }
    }
}
