//! Settings of `skopos incidents …`.

use clap::{Args, Subcommand, ValueEnum};

use super::query::ServerArgs;

/// What can be done with incidents.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  skopos incidents list                          what goes on
  skopos incidents list --state all --service gateway --from 7d
  skopos incidents show 0197c1f0                 with its timeline; the start of an id will do
  skopos incidents ack 0197c1f0 --text 'looking at the database'
  skopos incidents note 0197c1f0 'the index was rebuilt'
  skopos incidents stats --from 30d              times to detect, acknowledge and recover

An incident ends when its last alert ends; nobody can end it by hand.")]
pub(crate) enum IncidentsCommand {
    /// Incidents, the newest first.
    List(IncidentListArgs),
    /// One with its alerts and timeline.
    Show(IncidentShowArgs),
    /// Take one on: escalation stops.
    #[command(alias = "acknowledge")]
    Ack(IncidentAckArgs),
    /// Write a note into its timeline.
    Note(IncidentNoteArgs),
    /// Times to detect, acknowledge and recover, in total and per service.
    Stats(IncidentStatsArgs),
}

/// How far incidents are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum IncidentState {
    /// Something fires.
    Open,
    /// All has ended.
    Resolved,
    /// Both.
    All,
}

/// A range of time and a service.
#[derive(Debug, Clone, Args)]
pub(crate) struct IncidentRange {
    /// Only of this service.
    #[arg(long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// Start of the range: a duration before now, a Unix time or RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// End of the range; now where not given.
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
}

/// Settings of `incidents list`.
#[derive(Debug, Args)]
pub(crate) struct IncidentListArgs {
    /// How far they are.
    #[arg(long, value_enum, default_value_t = IncidentState::Open)]
    pub(crate) state: IncidentState,
    /// Most rows.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
    /// Which ones.
    #[command(flatten)]
    pub(crate) range: IncidentRange,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Settings of `incidents show`.
#[derive(Debug, Args)]
pub(crate) struct IncidentShowArgs {
    /// The incident's id, or its start.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Settings of `incidents ack`.
#[derive(Debug, Args)]
pub(crate) struct IncidentAckArgs {
    /// The incident's id, or its start.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Who takes it on.
    #[arg(long, short = 'a', env = "USER", value_name = "NAME")]
    pub(crate) author: String,
    /// A word about it.
    #[arg(long, short = 'c', value_name = "TEXT", default_value = "")]
    pub(crate) text: String,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Settings of `incidents note`.
#[derive(Debug, Args)]
pub(crate) struct IncidentNoteArgs {
    /// The incident's id, or its start.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// The note.
    #[arg(value_name = "TEXT")]
    pub(crate) text: String,
    /// Who writes it.
    #[arg(long, short = 'a', env = "USER", value_name = "NAME")]
    pub(crate) author: String,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Settings of `incidents stats`.
#[derive(Debug, Args)]
pub(crate) struct IncidentStatsArgs {
    /// Which ones.
    #[command(flatten)]
    pub(crate) range: IncidentRange,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}
