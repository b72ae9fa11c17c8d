//! OTLP metrics as Prometheus translates them: names, labels, buckets, and whole requests.

mod buckets;
mod labels;
mod names;
mod requests;

use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use crate::{Outcome, data};

type Run = fn(&Value, &mut Outcome) -> anyhow::Result<()>;

const FILES: [(&str, Run); 5] = [
    ("name_translation.yaml", names::translation),
    ("semconv_metric_names.yaml", names::conventions),
    ("attributes_to_labels.yaml", labels::run),
    ("histogram_buckets.yaml", buckets::run),
    ("metrics_end_to_end.yaml", requests::run),
];

/// Runs those of the files that `dir` has.
pub fn run(dir: &Path) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    for (name, run) in FILES {
        let file = dir.join(name);
        let Some(text) = data::text(&file)? else {
            continue;
        };
        let suite: Value = serde_saphyr::from_str(&text).with_context(|| file.display().to_string())?;
        run(&suite, &mut outcome).with_context(|| file.display().to_string())?;
    }
    Ok(outcome)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn flag(value: &Value, name: &str) -> bool {
    value[name].as_bool().unwrap_or(false)
}

fn list<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a Vec<Value>> {
    value[name].as_array().with_context(|| format!("{name} is no list"))
}

fn strategy(name: &str) -> anyhow::Result<skopos_wire::otlp::names::TranslationStrategy> {
    let all = skopos_wire::otlp::names::TranslationStrategy::ALL;
    let found = all.into_iter().find(|(known, _)| *known == name);
    Ok(found.with_context(|| format!("unknown strategy {name:?}"))?.1)
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, got: &T, wanted: &T) -> Result<(), String> {
    if got == wanted {
        Ok(())
    } else {
        Err(format!("{what} should be {wanted:?}, is {got:?}"))
    }
}
