//! Settings of `skopos dlq …`.

use clap::{Args, Subcommand, ValueEnum};

use super::query::ServerArgs;

/// What can be done with dead letters.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  skopos dlq stats                                      how many wait, where and why
  skopos dlq list --topic orders --type decode          those of a topic and a reason
  skopos dlq list --older-than 1d                       those that have waited for a day
  skopos dlq show orders.dlq/0/17                       the event, the error and the trace of one
  skopos dlq replay orders.dlq/0/17                     back to its topic
  skopos dlq replay --topic orders --rate 50            all of a topic, fifty a second
  skopos dlq discard --type decode -c 'a broken client' put away, with the reason on record
  skopos dlq list --bus kafka://kafka:9092              without a server, straight from the bus

An event that a service gives up lies on TOPIC.dlq as a dead letter, with the error and the trace. Look at one
with `show`, mend the cause, then replay: the event goes back to its topic in its old trace, with one more on its
count of replays. What nobody will mend is discarded. Both are written down on the topic dead-letters.settled.

With --bus, TLS and password are those of KAFKA_SECURITY_PROTOCOL, KAFKA_SASL_… and KAFKA_SSL_… (docs/dead-letters.md).")]
pub(crate) enum DlqCommand {
    /// Letters, the newest first.
    #[command(visible_alias = "ls")]
    List(DlqListArgs),
    /// One with its event, error, headers and trace.
    #[command(visible_alias = "inspect")]
    Show(DlqShowArgs),
    /// Send events back to their topics. Ctrl-C ends it between two letters.
    Replay(DlqReplayArgs),
    /// Put letters away for good, with a reason. Ctrl-C ends it between two letters.
    Discard(DlqDiscardArgs),
    /// How many letters wait, by topic and by reason.
    Stats(DlqStatsArgs),
    /// The last replays and discards of a server, and how far they are.
    Jobs(DlqJobsArgs),
}

/// Where letters are asked for, and how they are printed.
#[derive(Debug, Clone, Args)]
pub(crate) struct DlqDoor {
    /// Read the bus itself and ask no server.
    #[arg(long, value_name = "kafka://HOST:PORT", conflicts_with = "server")]
    pub(crate) bus: Option<String>,
    /// The server to ask.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Which letters: each that is given must hold.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which letters")]
pub(crate) struct DlqFilter {
    /// Of this topic; its dead-letter topic will do.
    #[arg(long, short = 't', value_name = "TOPIC")]
    pub(crate) topic: Option<String>,
    /// With this class of error, as `stats` shows it.
    #[arg(long = "type", alias = "error-type", value_name = "TYPE")]
    pub(crate) error_type: Option<String>,
    /// Given up by this consumer group.
    #[arg(long, value_name = "NAME")]
    pub(crate) group: Option<String>,
    /// Given up in this trace.
    #[arg(long = "trace", value_name = "ID")]
    pub(crate) trace_id: Option<String>,
    /// With this text in the error, the key or the event.
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// Given up since: a duration before now, a Unix time or RFC 3339.
    #[arg(long, visible_alias = "newer-than", value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Given up before: a duration before now, a Unix time or RFC 3339.
    #[arg(long, visible_alias = "older-than", value_name = "TIME")]
    pub(crate) until: Option<String>,
}

/// Whether they were dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DlqState {
    /// Nobody dealt with them yet.
    Waiting,
    /// They were replayed or discarded.
    Settled,
    /// Both.
    All,
}

/// Settings of `dlq list`.
#[derive(Debug, Args)]
pub(crate) struct DlqListArgs {
    /// Which ones.
    #[command(flatten)]
    pub(crate) filter: DlqFilter,
    /// Whether they were dealt with.
    #[arg(long, value_enum, default_value_t = DlqState::Waiting, help_heading = "Which letters")]
    pub(crate) state: DlqState,
    /// Most rows.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
    /// Newer ones to pass over, for the next page.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) offset: usize,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) door: DlqDoor,
}

/// Settings of `dlq show`.
#[derive(Debug, Args)]
pub(crate) struct DlqShowArgs {
    /// The letter, as `list` names it.
    #[arg(value_name = "TOPIC/PARTITION/OFFSET")]
    pub(crate) id: String,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) door: DlqDoor,
}

/// What `replay` and `discard` share.
#[derive(Debug, Args)]
pub(crate) struct DlqChoice {
    /// The letters, as `list` names them; or give a filter.
    #[arg(value_name = "TOPIC/PARTITION/OFFSET")]
    pub(crate) ids: Vec<String>,
    /// Which ones, where none is named.
    #[command(flatten)]
    pub(crate) filter: DlqFilter,
    /// All that wait.
    #[arg(long, conflicts_with = "ids", help_heading = "Which letters")]
    pub(crate) all: bool,
    /// The newest ones at most; 10 000 where not given.
    #[arg(long, value_name = "N", conflicts_with = "ids", help_heading = "Which letters")]
    pub(crate) limit: Option<usize>,
    /// Only say which ones it would be.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask before it is done to what a filter finds.
    #[arg(long, short = 'y')]
    pub(crate) yes: bool,
    /// Letters a second at most; without it there is no pause.
    #[arg(long, value_name = "PER_SECOND")]
    pub(crate) rate: Option<f64>,
    /// Who asks, for the record.
    #[arg(long, short = 'a', env = "USER", value_name = "NAME")]
    pub(crate) author: String,
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) door: DlqDoor,
}

/// Settings of `dlq replay`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  skopos dlq replay orders.dlq/0/17 orders.dlq/0/18
  skopos dlq replay --topic orders --since 1h --rate 20 --dry-run
  skopos dlq replay --all --yes --json

An event is replayed at least once. One that fails again comes back as a new letter, with one more on its count.")]
pub(crate) struct DlqReplayArgs {
    /// Which ones and how.
    #[command(flatten)]
    pub(crate) choice: DlqChoice,
    /// Why, for the record.
    #[arg(long, short = 'c', value_name = "TEXT", default_value = "")]
    pub(crate) reason: String,
}

/// Settings of `dlq discard`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  skopos dlq discard orders.dlq/0/17 -c 'a test order'
  skopos dlq discard --type decode --older-than 7d -c 'sent by a client that is mended' --yes

The letters stay readable, as settled, until the topic's retention takes them: `skopos dlq list --state settled`.")]
pub(crate) struct DlqDiscardArgs {
    /// Which ones and how.
    #[command(flatten)]
    pub(crate) choice: DlqChoice,
    /// Why, for the record.
    #[arg(long, short = 'c', value_name = "TEXT")]
    pub(crate) reason: String,
}

/// Settings of `dlq stats`.
#[derive(Debug, Args)]
pub(crate) struct DlqStatsArgs {
    /// Where to ask and how to print.
    #[command(flatten)]
    pub(crate) door: DlqDoor,
}

/// Settings of `dlq jobs`.
#[derive(Debug, Args)]
pub(crate) struct DlqJobsArgs {
    /// End this job between two letters.
    #[arg(long, value_name = "ID")]
    pub(crate) cancel: Option<u64>,
    /// The server to ask.
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}
