//! Settings of `skopos demo`: those of `serve`, and which fleet runs how.

use clap::Args;

use super::serve::ServeArgs;

/// Folder of the demo's store where none is given.
pub(crate) const STORAGE_PATH: &str = "data/demo";

/// What `--bus` means to the demo, beyond what it means to `serve`.
pub(crate) const BUS_HELP: &str =
    "An outside event bus in place of the embedded broker; TLS and password as KAFKA_SECURITY_PROTOCOL says";

/// Settings of the demo.
#[derive(Debug, Args)]
#[command(next_help_heading = "Demo", after_help = EXAMPLES)]
pub(crate) struct DemoArgs {
    /// Systems to run, each with its pack.
    #[arg(long = "system", value_name = "NAME", value_delimiter = ',', default_values_t = all_systems())]
    pub(crate) systems: Vec<String>,
    /// Faults to inject from the start; `--fault help` lists them.
    #[arg(long = "fault", value_name = "NAME", value_delimiter = ',')]
    pub(crate) faults: Vec<String>,
    /// How much traffic: 2 is twice the usual.
    #[arg(long = "load", value_name = "FACTOR", default_value_t = 1.0, value_parser = load)]
    pub(crate) load: f64,
    /// Seed of the traffic: the same seed asks the same questions.
    #[arg(long = "seed", value_name = "N", default_value_t = skopos_fleet::Launch::default().seed)]
    pub(crate) seed: u64,
    /// Settings of the server.
    #[command(flatten)]
    pub(crate) serve: ServeArgs,
}

fn all_systems() -> Vec<String> {
    skopos_fleet::SYSTEMS
        .iter()
        .map(|system| system.name.to_owned())
        .collect()
}

const EXAMPLES: &str = "Examples:
  skopos demo                        serve, and run the fleet with traffic; open http://localhost:9090
  skopos demo --fault slm-slow       slow the language model and watch an alert fire
  skopos demo --load 4               four times the traffic";

/// A traffic factor that a laptop can carry.
fn load(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(factor) if factor > 0.0 && factor <= 100.0 => Ok(factor),
        _ => Err("expected a number above 0 and up to 100".to_owned()),
    }
}
