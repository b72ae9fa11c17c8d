//! What a service allows itself, as metrics beside what it uses: memory, processor and disk.
//!
//! The alerts compare the two, so they say something about the service and nothing about who else is on the machine.

use clap::Args;
use prometheus::{Gauge, IntGauge, Registry};

/// Limits of a service's process. It reports them; a container or service manager enforces them.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct LimitArgs {
    /// MiB of resident memory that the service is given.
    #[arg(long, default_value_t = 192, value_name = "MIB", value_parser = clap::value_parser!(u32).range(16..=65536))]
    memory_limit: u32,
    /// Processor cores that the service is given.
    #[arg(long, default_value_t = 0.5, value_parser = cores, value_name = "CORES")]
    cpu_limit: f64,
}

fn cores(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(cores) if (0.05..=256.0).contains(&cores) => Ok(cores),
        _ => Err("expected a number of cores from 0.05 to 256".to_owned()),
    }
}

impl LimitArgs {
    pub(crate) fn memory_bytes(self) -> u64 {
        u64::from(self.memory_limit) * 1024 * 1024
    }

    pub(crate) fn cpu_cores(self) -> f64 {
        self.cpu_limit
    }

    /// Shows the limits on `/metrics`.
    pub(crate) fn register(self, registry: &Registry) -> prometheus::Result<()> {
        let memory = IntGauge::new(
            "service_memory_limit_bytes",
            "Resident memory that the service is given in bytes.",
        )?;
        memory.set(self.memory_bytes() as i64);
        let cpu = Gauge::new("service_cpu_limit_cores", "Processor cores that the service is given.")?;
        cpu.set(self.cpu_limit);
        registry.register(Box::new(memory))?;
        registry.register(Box::new(cpu))
    }
}
