//! `skopos backtest`: when rules would have fired on stored history, asked of a server or of a store that no server
//! holds.

mod local;
mod show;

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use skopos_prove::backtest::{BacktestReport, KnownIncident, NightHours};

use crate::cli::prove::BacktestArgs;
use crate::query::api::{post, time_ms, time_or_now_ms};
use crate::query::table;

/// What is asked, read from the arguments.
#[derive(Debug)]
struct Question {
    /// Text of the rule file, where one was named.
    rules: Option<String>,
    from_ms: i64,
    to_ms: i64,
    step_ms: Option<i64>,
    sweep_for_ms: Vec<i64>,
    night: NightHours,
    incidents: Vec<KnownIncident>,
}

/// Asks and prints.
pub(crate) async fn run(args: BacktestArgs) -> anyhow::Result<ExitCode> {
    let question = Question::read(&args)?;
    let answer = match &args.storage_path {
        Some(path) => serde_json::to_value(local::backtest_store(path, &args, question)?)?,
        None => post(&args.server, "/api/skopos/backtest", &question.body(&args)).await?,
    };
    if args.server.json {
        table::print_json(&answer);
    } else {
        let report: BacktestReport = serde_json::from_value(answer).context("the report cannot be read")?;
        show::print(&report);
    }
    Ok(ExitCode::SUCCESS)
}

impl Question {
    fn read(args: &BacktestArgs) -> anyhow::Result<Self> {
        let rules = match &args.rules {
            Some(path) => {
                let text = std::fs::read_to_string(path);
                Some(text.with_context(|| format!("failed to read {}", path.display()))?)
            }
            None => None,
        };
        let incidents = match &args.incidents {
            Some(path) => {
                let text = std::fs::read_to_string(path);
                let text = text.with_context(|| format!("failed to read {}", path.display()))?;
                serde_json::from_str(&text)
                    .with_context(|| format!("{}: expected a list of incidents", path.display()))?
            }
            None => Vec::new(),
        };
        Ok(Self {
            rules,
            from_ms: time_ms(&args.from).context("--from")?,
            to_ms: time_or_now_ms(args.to.as_deref()).context("--to")?,
            step_ms: args.step.as_deref().map(duration_ms).transpose().context("--step")?,
            sweep_for_ms: args
                .sweep_for
                .iter()
                .map(|text| duration_ms(text))
                .collect::<anyhow::Result<_>>()
                .context("--sweep-for")?,
            night: night(&args.night, &args.time_zone)?,
            incidents,
        })
    }

    /// The body of the request to a server.
    fn body(&self, args: &BacktestArgs) -> Value {
        json!({
            "rules": self.rules,
            "rule": args.rule,
            "fromMs": self.from_ms,
            "toMs": self.to_ms,
            "stepMs": self.step_ms,
            "sweep": {"values": args.sweep, "forMs": self.sweep_for_ms},
            "night": self.night,
            "incidents": self.incidents,
        })
    }
}

fn duration_ms(text: &str) -> anyhow::Result<i64> {
    Ok(skopos_config::parse_duration(text)?.as_millis() as i64)
}

/// `22-6` and the name of a time zone.
fn night(hours: &str, time_zone: &str) -> anyhow::Result<NightHours> {
    let parsed = hours
        .split_once('-')
        .and_then(|(from, to)| Some((from.trim().parse().ok()?, to.trim().parse().ok()?)));
    let Some((from, to)) = parsed else {
        bail!("--night {hours:?}: expected two hours, such as 22-6");
    };
    Ok(NightHours {
        from,
        to,
        time_zone: time_zone.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_of_the_night() {
        let found = night("22-6", "Europe/Berlin").expect("hours");
        assert_eq!(
            (found.from, found.to, found.time_zone.as_str()),
            (22, 6, "Europe/Berlin")
        );
        assert!(night("22", "UTC").is_err() && night("a-b", "UTC").is_err());
    }
}
