//! `skopos dlq …`: the events that services gave up, listed, shown, replayed and discarded.

mod door;
mod show;
mod work;

use serde_json::Value;
use skopos_bus::dead_letters::LetterId;
use skopos_server::{DeadLettersCall, LetterFilter};

use crate::cli::dlq::{DlqCommand, DlqFilter, DlqJobsArgs, DlqListArgs, DlqShowArgs, DlqState, DlqStatsArgs};
use crate::query::table;

use door::Door;

/// Runs one command.
pub(crate) async fn run(command: DlqCommand) -> anyhow::Result<()> {
    match command {
        DlqCommand::List(args) => list(&args).await,
        DlqCommand::Show(args) => show(&args).await,
        DlqCommand::Replay(args) => work::replay(&args).await,
        DlqCommand::Discard(args) => work::discard(&args).await,
        DlqCommand::Stats(args) => stats(&args).await,
        DlqCommand::Jobs(args) => jobs(&args).await,
    }
}

impl From<&DlqFilter> for LetterFilter {
    fn from(filter: &DlqFilter) -> Self {
        Self {
            topic: filter.topic.clone(),
            error_type: filter.error_type.clone(),
            group: filter.group.clone(),
            trace_id: filter.trace_id.clone(),
            text: filter.text.clone(),
            since: filter.since.clone(),
            until: filter.until.clone(),
            ..Self::default()
        }
    }
}

async fn list(args: &DlqListArgs) -> anyhow::Result<()> {
    let state = match args.state {
        DlqState::Waiting => "waiting",
        DlqState::Settled => "settled",
        DlqState::All => "all",
    };
    let filter = LetterFilter {
        state: Some(state.to_owned()),
        limit: Some(args.limit),
        offset: Some(args.offset),
        ..LetterFilter::from(&args.filter)
    };
    let door = Door::open(&args.door)?;
    let answer = door.ask(DeadLettersCall::List(filter)).await?;
    if door.is_json() {
        table::print_json(&answer);
    } else {
        show::list(&answer);
    }
    Ok(())
}

async fn show(args: &DlqShowArgs) -> anyhow::Result<()> {
    let door = Door::open(&args.door)?;
    let id: LetterId = args.id.parse()?;
    let letter = door.ask(DeadLettersCall::Show(id.to_string())).await?;
    if door.is_json() {
        table::print_json(&letter);
    } else {
        show::letter(&letter, door.url());
    }
    Ok(())
}

async fn stats(args: &DlqStatsArgs) -> anyhow::Result<()> {
    let door = Door::open(&args.door)?;
    let counts = door.ask(DeadLettersCall::Counts).await?;
    if door.is_json() {
        table::print_json(&counts);
    } else {
        show::counts(&counts);
    }
    Ok(())
}

async fn jobs(args: &DlqJobsArgs) -> anyhow::Result<()> {
    let door = Door::of_server(&args.server);
    let answer = match args.cancel {
        Some(id) => door.ask(DeadLettersCall::Cancel(id)).await?,
        None => door.ask(DeadLettersCall::Jobs).await?,
    };
    if door.is_json() {
        table::print_json(&answer);
        return Ok(());
    }
    let one = std::slice::from_ref(&answer);
    show::jobs(answer["jobs"].as_array().map_or(one, Vec::as_slice));
    Ok(())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
