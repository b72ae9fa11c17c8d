//! What a supervisor needs to know of a service: how to start it, when, and which faults it can be given.

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
    /// Whether it is the embedded bus, which an outside one replaces.
    pub is_bus: bool,
}

/// A fault that can be given to a service at its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultSpec {
    /// Its name on the command line.
    pub name: &'static str,
    /// The service that has it.
    pub service: &'static str,
    /// What goes wrong, and what is seen of it.
    pub about: &'static str,
}

/// Choices of one start of a system.
#[derive(Debug, Clone, PartialEq)]
pub struct Launch {
    /// Address of the bus, `kafka://host:port`.
    pub bus: String,
    /// Faults by name; each goes to the service that has it.
    pub faults: Vec<String>,
    /// Seed of the traffic.
    pub seed: u64,
    /// Conversations a second that the traffic opens.
    pub rate: f64,
}

impl Default for Launch {
    fn default() -> Self {
        Self {
            bus: DEFAULT_BUS.to_owned(),
            faults: Vec::new(),
            seed: DEFAULT_SEED,
            rate: DEFAULT_RATE,
        }
    }
}

/// Where the embedded broker listens.
pub(crate) const DEFAULT_BUS: &str = "kafka://127.0.0.1:9092";
/// Seed of the traffic where none is given.
pub(crate) const DEFAULT_SEED: u64 = 1;
/// Conversations a second where no rate is given.
pub(crate) const DEFAULT_RATE: f64 = 3.0;

impl ServiceSpec {
    /// The arguments after the program's name: `fleet SYSTEM SERVICE --exit-with-parent …`.
    ///
    /// The supervisor keeps the child's standard input open as a pipe; when it closes, the child drains and ends.
    #[must_use]
    pub fn arguments(&self, launch: &Launch, faults: &[FaultSpec]) -> Vec<String> {
        let mut arguments: Vec<String> = ["fleet", self.system, self.name, "--exit-with-parent"]
            .map(str::to_owned)
            .to_vec();
        let mut flag = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        if !self.is_bus {
            flag("--bus", launch.bus.clone());
        }
        if self.name == crate::somaagent01::TRAFFIC {
            flag("--seed", launch.seed.to_string());
            flag("--rate", launch.rate.to_string());
        }
        for fault in faults.iter().filter(|fault| fault.service == self.name) {
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
    use crate::somaagent01::{faults, services};

    #[test]
    fn a_fault_goes_to_its_service_only() {
        let launch = Launch {
            faults: vec!["slm-slow".to_owned()],
            ..Launch::default()
        };
        for service in services() {
            let arguments = service.arguments(&launch, faults());
            let has_fault = arguments.windows(2).any(|pair| pair == ["--fault", "slm-slow"]);
            assert_eq!(has_fault, service.name == "conversation-worker", "{arguments:?}");
        }
    }

    #[test]
    fn every_argument_list_parses() {
        use clap::Parser;
        #[derive(Parser)]
        struct Cli {
            #[command(flatten)]
            command: crate::FleetCommand,
        }
        let launch = Launch {
            faults: faults().iter().map(|fault| fault.name.to_owned()).collect(),
            ..Launch::default()
        };
        for service in services() {
            let arguments = service.arguments(&launch, faults());
            if let Err(error) = Cli::try_parse_from(&arguments) {
                panic!("{arguments:?}: {error}");
            }
        }
    }
}
