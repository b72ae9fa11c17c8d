//! What a supervisor needs to know of a system: its services, its faults, and what it needs beside them.

use crate::ServiceSpec;

/// One system of the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemSpec {
    /// Its name on the command line, which is also the folder of its pack.
    pub name: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    /// Its own services.
    pub services: &'static [ServiceSpec],
    /// Names of the shared services (`infra`) that it needs: bus, stores, exporters.
    pub needs: &'static [&'static str],
    /// The faults that it can be given.
    pub faults: &'static [FaultSpec],
}

/// A fault that can be switched while the system runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultSpec {
    /// Its name on the command line, unique in the fleet.
    pub name: &'static str,
    /// The service that has it.
    pub service: &'static str,
    /// Who carries it out.
    pub kind: FaultKind,
    /// What goes wrong, and what is seen of it.
    pub about: &'static str,
    /// The alerts of the pack that fire because of it.
    pub alerts: &'static [&'static str],
}

impl FaultSpec {
    /// A fault that the service carries out itself.
    #[must_use]
    pub const fn switch(
        name: &'static str,
        service: &'static str,
        about: &'static str,
        alerts: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            service,
            kind: FaultKind::Switch,
            about,
            alerts,
        }
    }

    /// A fault for which the supervisor takes the service away.
    #[must_use]
    pub const fn stop(
        name: &'static str,
        service: &'static str,
        about: &'static str,
        alerts: &'static [&'static str],
    ) -> Self {
        Self {
            kind: FaultKind::Stop,
            ..Self::switch(name, service, about, alerts)
        }
    }
}

/// Who carries a fault out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The service itself, told by a line on its standard input.
    Switch,
    /// The supervisor: the process is killed and not started again while the fault is on.
    Stop,
}
