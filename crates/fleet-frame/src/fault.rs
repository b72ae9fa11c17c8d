//! The faults of one running service: switches that its code asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{FaultKind, FaultSpec, FleetError};

/// Switches of the faults that one service can have, off until they are asked for.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    switches: Arc<[(&'static str, Fault)]>,
}

/// One switch; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Fault {
    is_on: Arc<AtomicBool>,
}

impl Fault {
    /// Whether the fault is to be had now.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// Switches it.
    pub fn set(&self, is_on: bool) {
        self.is_on.store(is_on, Ordering::Relaxed);
    }
}

impl Faults {
    /// The switches of `service` among the system's faults; those named in `wanted` are on from the start.
    pub fn new(service: &str, specs: &[FaultSpec], wanted: &[String]) -> Result<Self, FleetError> {
        let switches: Arc<[(&'static str, Fault)]> = specs
            .iter()
            .filter(|spec| spec.kind == FaultKind::Switch && spec.service == service)
            .map(|spec| (spec.name, Fault::default()))
            .collect();
        let faults = Self { switches };
        for name in wanted {
            faults.set(name, true)?;
        }
        Ok(faults)
    }

    /// The switch of that name. A name that the service's table lacks is a switch that stays off.
    #[must_use]
    pub fn get(&self, name: &str) -> Fault {
        let found = self.switches.iter().find(|(known, _)| *known == name);
        debug_assert!(found.is_some(), "{name} is not in the system's table of faults");
        found.map(|(_, fault)| fault.clone()).unwrap_or_default()
    }

    /// Switches a fault.
    pub fn set(&self, name: &str, is_on: bool) -> Result<(), FleetError> {
        let Some((_, fault)) = self.switches.iter().find(|(known, _)| *known == name) else {
            return Err(FleetError::NoSuchFault {
                name: name.to_owned(),
                known: self.switches.iter().map(|(name, _)| *name).collect(),
            });
        };
        fault.set(is_on);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[FaultSpec] = &[
        FaultSpec::switch("slow", "api", "", &[]),
        FaultSpec::stop("gone", "api", "", &[]),
    ];

    #[test]
    fn a_switch_is_shared_by_its_clones() {
        let faults = Faults::new("api", SPECS, &[]).expect("no fault is wanted");
        let slow = faults.get("slow");
        assert!(!slow.is_on());
        faults.set("slow", true).expect("it is in the table");
        assert!(slow.is_on());
    }

    #[test]
    fn an_unknown_fault_is_named_with_those_that_exist() {
        let error = Faults::new("api", SPECS, &["gone".to_owned()]).expect_err("a stopped process has no switch");
        assert!(
            error.to_string().contains("gone") && error.to_string().contains("slow"),
            "{error}"
        );
    }
}
