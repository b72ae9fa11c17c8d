//! `skopos dlq replay` and `discard`: asks where that is wise, follows the job with a bar, and says what became of it.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;
use skopos_server::{DeadLettersCall, LetterFilter, LetterWork, RUNNING};

use super::door::Door;
use super::{show, text};
use crate::cli::dlq::{DlqChoice, DlqDiscardArgs, DlqFilter, DlqReplayArgs};
use crate::query::table;

/// How often a job that goes on is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// Letters that a dry run shows.
const SHOWN: usize = 50;

pub(super) async fn replay(args: &DlqReplayArgs) -> anyhow::Result<()> {
    carry_out(&args.choice, &args.reason, "replay", DeadLettersCall::Replay).await
}

pub(super) async fn discard(args: &DlqDiscardArgs) -> anyhow::Result<()> {
    carry_out(&args.choice, &args.reason, "discard", DeadLettersCall::Discard).await
}

async fn carry_out(
    choice: &DlqChoice,
    reason: &str,
    action: &str,
    call: impl FnOnce(LetterWork) -> DeadLettersCall,
) -> anyhow::Result<()> {
    let filter = filter(choice)?;
    let door = Door::open(&choice.door)?;
    if choice.dry_run {
        return dry_run(&door, choice, filter).await;
    }
    if let Some(filter) = &filter
        && !choice.yes
        && !is_agreed(&door, filter, action).await?
    {
        bail!("nothing was done");
    }
    let work = LetterWork {
        ids: choice.ids.clone(),
        filter,
        rate_per_second: choice.rate,
        by: choice.author.clone(),
        reason: reason.to_owned(),
    };
    let job = door.ask(call(work)).await?;
    let job = follow(&door, job).await?;
    if door.is_json() {
        table::print_json(&job);
    } else {
        for failure in job["failures"].as_array().into_iter().flatten() {
            table::print_line(&format!("{}: {}", text(&failure["id"]), text(&failure["error"])));
        }
        table::print_line(&summary(&job));
    }
    verdict(&job, choice.ids.len())
}

/// What is meant where no letter is named. Everything only by a word of its own.
fn filter(choice: &DlqChoice) -> anyhow::Result<Option<LetterFilter>> {
    let DlqFilter {
        topic,
        error_type,
        group,
        trace_id,
        text,
        since,
        until,
    } = &choice.filter;
    let is_narrowed = [topic, error_type, group, trace_id, text, since, until]
        .iter()
        .any(|part| part.is_some());
    if !choice.ids.is_empty() {
        if is_narrowed {
            bail!("letters are named and a filter is given: one of them must choose");
        }
        return Ok(None);
    }
    if !is_narrowed && !choice.all {
        bail!("no letter is named\nname some as `skopos dlq list` does, give a filter such as --topic, or say --all");
    }
    Ok(Some(LetterFilter {
        limit: choice.limit,
        ..LetterFilter::from(&choice.filter)
    }))
}

async fn dry_run(door: &Door, choice: &DlqChoice, filter: Option<LetterFilter>) -> anyhow::Result<()> {
    let Some(filter) = filter else {
        for id in &choice.ids {
            let letter = door.ask(DeadLettersCall::Show(id.clone())).await?;
            let state = letter["settled"]["action"].as_str().unwrap_or("waiting");
            table::print_line(&format!("{id} is {state}"));
        }
        return Ok(());
    };
    let most = filter.limit.unwrap_or(usize::MAX);
    let page = LetterFilter {
        limit: Some(most.clamp(1, SHOWN)),
        ..filter
    };
    let answer = door.ask(DeadLettersCall::List(page)).await?;
    if door.is_json() {
        table::print_json(&answer);
        return Ok(());
    }
    show::list(&answer);
    let matched = answer["matched"].as_u64().unwrap_or_default();
    table::print_line(&format!("{} letters; nothing was done", matched.min(most as u64)));
    Ok(())
}

/// Asks whoever sits there. Where nobody does, `--yes` must have been said.
async fn is_agreed(door: &Door, filter: &LetterFilter, action: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("--yes is needed where nobody can be asked; --dry-run says which letters it would be");
    }
    let one = LetterFilter {
        limit: Some(1),
        ..filter.clone()
    };
    let answer = door.ask(DeadLettersCall::List(one)).await?;
    let matched = answer["matched"].as_u64().unwrap_or_default();
    let count = filter.limit.map_or(matched, |limit| matched.min(limit as u64));
    let mut error = std::io::stderr();
    write!(error, "{action} {count} dead letters? [y/N] ").context("failed to ask")?;
    error.flush().context("failed to ask")?;
    let mut said = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut said)
        .context("failed to read the answer")?;
    Ok(matches!(said.trim(), "y" | "Y" | "yes"))
}

/// Looks at the job until it has ended, with a bar on a terminal. Ctrl-C ends the job.
async fn follow(door: &Door, mut job: Value) -> anyhow::Result<Value> {
    let id = job["id"].as_u64().context("the answer is no job: it has no id")?;
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} letters {elapsed} {msg}") {
        bar.set_style(style);
    }
    while job["state"] == RUNNING {
        let count = |name: &str| job[name].as_u64().unwrap_or_default();
        bar.set_length(count("total"));
        bar.set_position(count("done") + count("failed"));
        if count("failed") > 0 {
            bar.set_message(format!("{} failed", count("failed")));
        }
        let next = tokio::select! {
            () = tokio::time::sleep(LOOK) => DeadLettersCall::Job(id),
            _ = tokio::signal::ctrl_c() => DeadLettersCall::Cancel(id),
        };
        job = door.ask(next).await?;
    }
    bar.finish_and_clear();
    Ok(job)
}

fn summary(job: &Value) -> String {
    let what = if job["action"] == "discard" {
        "discarded"
    } else {
        "replayed"
    };
    let failed = match job["failed"].as_u64() {
        Some(failed) if failed > 0 => format!(", {failed} failed and wait on"),
        _ => String::new(),
    };
    let mut summary = format!("{} of {} {what}{failed}", job["done"], job["total"]);
    if job["state"] == "cancelled" {
        summary += ", then it was cancelled; the others wait on";
    }
    if job["may_be_more"] == true {
        summary += "; there may be more, ask again";
    }
    summary
}

/// An error where not all was done that was asked for.
fn verdict(job: &Value, named: usize) -> anyhow::Result<()> {
    if let Some(error) = job["error"].as_str() {
        bail!("{error}");
    }
    if job["state"] == "cancelled" {
        bail!("cancelled");
    }
    if job["failed"].as_u64().is_some_and(|failed| failed > 0) {
        bail!("{} letters could not be dealt with; they wait on", job["failed"]);
    }
    let found = job["total"].as_u64().unwrap_or_default();
    if (named as u64) > found {
        bail!(
            "{} of {named} letters do not wait: `skopos dlq show` says what became of one",
            named as u64 - found
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_became_of_it() {
        let job = |patch: Value| {
            let mut job =
                json!({"action": "replay", "state": "done", "done": 3, "total": 3, "failed": 0, "error": null});
            for (name, value) in patch.as_object().expect("an object") {
                job[name] = value.clone();
            }
            job
        };
        let fine = job(json!({}));
        assert_eq!(summary(&fine), "3 of 3 replayed");
        assert!(verdict(&fine, 3).is_ok());
        assert!(
            verdict(&fine, 5)
                .expect_err("two are gone")
                .to_string()
                .starts_with("2 of 5")
        );
        let halted = job(json!({"state": "cancelled", "total": 9, "failed": 1}));
        assert_eq!(
            summary(&halted),
            "3 of 9 replayed, 1 failed and wait on, then it was cancelled; the others wait on"
        );
        assert!(verdict(&halted, 0).is_err());
        assert!(verdict(&job(json!({"failed": 1})), 0).is_err());
        assert!(verdict(&job(json!({"error": "gone"})), 0).is_err());
    }
}
