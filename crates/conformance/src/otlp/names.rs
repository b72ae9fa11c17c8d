//! Names of metrics, units and labels.

use serde_json::Value;
use skopos_wire::otlp::names::{LabelNamer, NameError, NamedKind, TranslationStrategy, metric_name, unit_name};

use super::{expect, flag, list, strategy, text};
use crate::Outcome;

pub(super) fn translation(suite: &Value, outcome: &mut Outcome) -> anyhow::Result<()> {
    for case in list(suite, "metric_names")? {
        let strategy = strategy(text(case, "strategy"))?;
        outcome.record(
            format!("{} ({})", text(case, "id"), text(case, "strategy")),
            metric(case, strategy),
        );
    }
    for case in list(suite, "label_names")? {
        let namer = LabelNamer {
            utf8_allowed: flag(case, "utf8_allowed"),
            underscore_sanitization: flag(case, "underscore_label_sanitization"),
            preserve_multiple_underscores: flag(case, "preserve_multiple_underscores"),
        };
        let label = text(case, "label");
        let got = namer.name(label).map(std::borrow::Cow::into_owned);
        outcome.record(
            format!("label {label:?} ({namer:?})"),
            compare(got, &case["expect"], "label"),
        );
    }
    Ok(())
}

fn metric(case: &Value, strategy: TranslationStrategy) -> Result<(), String> {
    let sent = &case["metric"];
    let (name, unit) = (text(sent, "name"), text(sent, "unit"));
    let kind = match text(sent, "type") {
        "monotonic_counter" => NamedKind::Counter,
        "gauge" => NamedKind::Gauge,
        _ => NamedKind::Other,
    };
    let got = metric_name(strategy, text(case, "namespace"), name, unit, kind);
    compare(got, &case["expect"], "name")?;
    match case["expect"]["unit"].as_str() {
        Some(wanted) => expect("unit", &unit_name(strategy, unit).as_str(), &wanted),
        None => Ok(()),
    }
}

fn compare(got: Result<String, NameError>, wanted: &Value, field: &str) -> Result<(), String> {
    match (got, flag(wanted, "error")) {
        (Ok(got), true) => Err(format!("should be refused, is {got:?}")),
        (Ok(got), false) => expect(field, &got.as_str(), &text(wanted, field)),
        (Err(_), true) => Ok(()),
        (Err(error), false) => Err(format!("should be {:?}, we say: {error}", text(wanted, field))),
    }
}

pub(super) fn conventions(suite: &Value, outcome: &mut Outcome) -> anyhow::Result<()> {
    for case in list(suite, "metrics")? {
        let name = text(case, "otel");
        let kind = match text(case, "instrument") {
            "counter" => NamedKind::Counter,
            "gauge" => NamedKind::Gauge,
            _ => NamedKind::Other,
        };
        let got = metric_name(TranslationStrategy::default(), "", name, text(case, "unit"), kind);
        let result = match got {
            Ok(got) => expect("name", &got.as_str(), &text(case, "prometheus")),
            Err(error) => Err(error.to_string()),
        };
        outcome.record(name, result);
    }
    Ok(())
}
