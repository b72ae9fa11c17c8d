//! A backtest on a store that no server holds.

use std::path::Path;

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use skopos_core::{QueryBudget, TenantId};
use skopos_metrics::{MetricStore, MetricStoreOptions};
use skopos_promql::Engine;
use skopos_prove::backtest::{BacktestInput, BacktestOptions, BacktestReport, Sweep, backtest};
use skopos_rules::parse_rule_file;
use skopos_storage::DataDirLock;

use super::Question;
use crate::cli::prove::BacktestArgs;

/// Opens the store, and tests with a bar on stderr where that is a terminal.
pub(super) fn backtest_store(path: &Path, args: &BacktestArgs, question: Question) -> anyhow::Result<BacktestReport> {
    if !path.is_dir() {
        bail!("--storage.path {}: there is no such folder", path.display());
    }
    let file_name = args.rules.as_ref().map(|path| path.display().to_string());
    let text = question
        .rules
        .context("--storage.path needs --rules: no server tells which are loaded")?;
    let rules = [parse_rule_file(&text, &file_name.unwrap_or_default())?];
    let _lock = DataDirLock::acquire(path)?;
    let store = MetricStore::open(MetricStoreOptions::new(path))?;
    let tenant = match &args.server.tenant {
        Some(name) => TenantId::new(name)?,
        None => TenantId::default(),
    };
    let source = store.tenant(&tenant);
    let options = BacktestOptions {
        step_ms: question.step_ms,
        night: question.night,
        sweep: Sweep {
            thresholds: args.sweep.clone(),
            for_ms: question.sweep_for_ms,
        },
        ..BacktestOptions::new(question.from_ms, question.to_ms)
    };
    let engine = Engine::default();
    let input = BacktestInput {
        rules: &rules,
        only: args.rule.as_deref(),
        source: source.as_ref(),
        engine: &engine,
        incidents: &question.incidents,
    };
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent}% {msg}") {
        bar.set_style(style);
    }
    let report = backtest(&input, &options, &QueryBudget::unbounded(), &mut |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
        bar.set_message(progress.rule.to_owned());
    });
    bar.finish_and_clear();
    Ok(report?)
}
