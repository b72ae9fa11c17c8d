//! Resource, scope and data point attributes as labels: each case as a request of one gauge.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use skopos_core::Labels;
use skopos_wire::otlp::names::TranslationStrategy;
use skopos_wire::otlp::{Codec, DeltaStreams, MetricOptions, ResourcePromotion, decode_metrics, metric_batch};

use super::{flag, list, text};
use crate::Outcome;

pub(super) fn run(suite: &Value, outcome: &mut Outcome) -> anyhow::Result<()> {
    for case in list(suite, "cases")? {
        outcome.record(text(case, "id"), check(case));
    }
    Ok(())
}

fn check(case: &Value) -> Result<(), String> {
    let request =
        decode_metrics(Codec::Json, request(case).to_string().as_bytes()).map_err(|error| error.to_string())?;
    let got = metric_batch(&request, &options(&case["config"]), &mut DeltaStreams::default(), 1);
    let Some(series) = got.batch.series.first() else {
        return Err(format!("no series; refused: {:?}", got.refused.refused));
    };
    let wanted: BTreeMap<String, String> =
        serde_json::from_value(case["expect"]["labels"].clone()).map_err(|error| error.to_string())?;
    super::expect("labels", &series.labels, &Labels::from_pairs(&wanted))
}

fn options(config: &Value) -> MetricOptions {
    let names = |key: &str| -> Vec<String> {
        let names = config[key].as_array().into_iter().flatten();
        names.filter_map(Value::as_str).map(ToOwned::to_owned).collect()
    };
    MetricOptions {
        resource_promotion: if flag(config, "promote_all_resource_attributes") {
            ResourcePromotion::AllBut(names("ignore_resource_attributes"))
        } else {
            ResourcePromotion::Only(names("promote_resource_attributes"))
        },
        promote_scope_metadata: flag(config, "promote_scope_metadata"),
        label_name_underscore_sanitization: flag(config, "label_name_underscore_sanitization"),
        label_name_preserve_multiple_underscores: flag(config, "label_name_preserve_multiple_underscores"),
        type_and_unit_labels: flag(config, "type_and_unit_labels"),
        // The cases name the finished metric.
        translation_strategy: TranslationStrategy::UnderscoreEscapingWithoutSuffixes,
        ..MetricOptions::default()
    }
}

fn request(case: &Value) -> Value {
    let unit = match text(case, "metric_unit") {
        "seconds" => "s",
        other => other,
    };
    let name = text(case, "metric");
    let point = json!({ "timeUnixNano": "1", "asInt": "1", "attributes": attributes(&case["attributes"]) });
    let scope = &case["scope"];
    json!({ "resourceMetrics": [{
        "resource": { "attributes": attributes(&case["resource"]) },
        "scopeMetrics": [{
            "scope": {
                "name": scope["name"], "version": scope["version"], "attributes": attributes(&scope["attributes"]),
            },
            "schemaUrl": scope["schema_url"],
            "metrics": [{ "name": name, "unit": unit, "gauge": { "dataPoints": [point] } }],
        }],
    }]})
}

fn attributes(pairs: &Value) -> Vec<Value> {
    let pairs = pairs.as_object().into_iter().flatten();
    pairs
        .map(|(key, value)| json!({ "key": key, "value": { "stringValue": value } }))
        .collect()
}
