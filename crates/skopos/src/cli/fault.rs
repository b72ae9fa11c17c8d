//! Settings of `skopos fault`: which fault of a running demo goes on or off.

use clap::{Args, ValueEnum};

use super::query::ServerArgs;

/// Settings of `skopos fault`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct FaultArgs {
    /// The fault; without it all are listed, with what goes wrong and which alerts find it.
    #[arg(value_name = "NAME", requires = "wish")]
    pub(crate) name: Option<String>,
    /// Whether it shall be had.
    #[arg(value_name = "on|off", requires = "name")]
    pub(crate) wish: Option<Wish>,
    /// The server to ask.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Whether a fault shall be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Wish {
    /// The fault is had from now on.
    On,
    /// It is taken away.
    Off,
}

const EXAMPLES: &str = "Examples:
  skopos fault                 list the faults of the running demo
  skopos fault slm-slow on     slow the language model and watch an alert fire
  skopos fault slm-slow off    take the cause away and watch it resolve";
