//! What a supervisor needs to know of a service: how to start it and when.

use crate::{FaultKind, FaultSpec};

/// What a service is to its system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The embedded bus, which an outside one replaces.
    Bus,
    /// It does the system's work.
    Service,
    /// It makes the system work: it takes a seed and a load.
    Traffic,
    /// It shows what others do; where such an exporter runs already, that one is scraped.
    Exporter,
}

/// One service of a system, as a supervisor sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceSpec {
    /// System that it belongs to.
    pub system: &'static str,
    /// Its name, which is its command, its `service.name` and its scrape job.
    pub name: &'static str,
    /// Port of its `/metrics` on 127.0.0.1; none where it has none.
    pub port: Option<u16>,
    /// What it does, in one line.
    pub about: &'static str,
    /// Services of a lower number are started first; all of them wait for what they need.
    pub start_order: u8,
    /// What it is to its system.
    pub role: Role,
    /// Whether it is told where the bus is.
    pub is_on_bus: bool,
}

/// Choices of one start of the fleet.
#[derive(Debug, Clone, PartialEq)]
pub struct Launch {
    /// Address of the bus, `kafka://host:port`.
    pub bus: String,
    /// Faults by name that are on from the start; each goes to the service that has it.
    pub faults: Vec<String>,
    /// Seed of the traffic.
    pub seed: u64,
    /// How much traffic: 2 is twice the usual.
    pub load: f64,
}

impl Default for Launch {
    fn default() -> Self {
        Self {
            bus: DEFAULT_BUS.to_owned(),
            faults: Vec::new(),
            seed: DEFAULT_SEED,
            load: 1.0,
        }
    }
}

/// Where the embedded broker listens.
pub const DEFAULT_BUS: &str = "kafka://127.0.0.1:9092";
/// Seed of the traffic where none is given.
pub const DEFAULT_SEED: u64 = 1;

impl ServiceSpec {
    /// A service that works, started after what the systems share.
    #[must_use]
    pub const fn service(system: &'static str, name: &'static str, port: u16, about: &'static str) -> Self {
        Self {
            system,
            name,
            port: Some(port),
            about,
            start_order: 1,
            role: Role::Service,
            is_on_bus: false,
        }
    }

    /// The system's traffic, started last.
    #[must_use]
    pub const fn traffic(system: &'static str, name: &'static str, about: &'static str) -> Self {
        Self {
            system,
            name,
            port: None,
            about,
            start_order: 2,
            role: Role::Traffic,
            is_on_bus: false,
        }
    }

    /// Metrics of a program or of the machine, on the port where the original exporter has them.
    #[must_use]
    pub const fn exporter(system: &'static str, name: &'static str, port: u16, about: &'static str) -> Self {
        Self {
            role: Role::Exporter,
            ..Self::service(system, name, port, about)
        }
    }

    /// The same, told where the bus is with `--bus`.
    #[must_use]
    pub const fn on_bus(mut self) -> Self {
        self.is_on_bus = true;
        self
    }

    /// The same in another stage of the start.
    #[must_use]
    pub const fn start_order(mut self, order: u8) -> Self {
        self.start_order = order;
        self
    }

    /// The arguments after the program's name: `fleet SYSTEM SERVICE --exit-with-parent …`.
    ///
    /// The supervisor keeps the child's standard input open as a pipe; when it closes, the child drains and ends.
    #[must_use]
    pub fn arguments(&self, launch: &Launch, faults: &[FaultSpec]) -> Vec<String> {
        let mut arguments: Vec<String> = ["fleet", self.system, self.name, "--exit-with-parent"]
            .map(str::to_owned)
            .to_vec();
        let mut flag = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        if self.is_on_bus {
            flag("--bus", launch.bus.clone());
        }
        if self.role == Role::Traffic {
            flag("--seed", launch.seed.to_string());
            flag("--load", launch.load.to_string());
        }
        for fault in faults
            .iter()
            .filter(|fault| fault.service == self.name && fault.kind == FaultKind::Switch)
        {
            if launch.faults.iter().any(|name| name == fault.name) {
                flag("--fault", fault.name.to_owned());
            }
        }
        arguments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_told_only_what_concerns_it() {
        let faults = [FaultSpec::switch("slow", "api", "", &[])];
        let launch = Launch {
            faults: vec!["slow".to_owned()],
            ..Launch::default()
        };
        let api = ServiceSpec::service("shop", "api", 1, "").on_bus();
        assert_eq!(
            api.arguments(&launch, &faults).join(" "),
            format!("fleet shop api --exit-with-parent --bus {DEFAULT_BUS} --fault slow")
        );
        let traffic = ServiceSpec::traffic("shop", "traffic", "");
        assert_eq!(
            traffic.arguments(&launch, &faults).join(" "),
            "fleet shop traffic --exit-with-parent --seed 1 --load 1"
        );
    }
}
