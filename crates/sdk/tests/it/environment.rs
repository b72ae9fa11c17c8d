//! The shared cases of `OTEL_*` variables. Where Skopos departs from the specification, the table says so.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value as Json, json};
use skopos_sdk::settings::{OtlpProtocol, OtlpSettings, TracesBackend};
use skopos_sdk::{SamplerKind, Settings};

use crate::support::shared;

/// Cases with another outcome here, and why.
const DEPARTURES: [(&str, &str); 4] = [
    (
        "sdk disabled: 1 is not true",
        "a value that is no flag is an error that names the variable, not a warning",
    ),
    (
        "unparsable number is ignored with a warning",
        "a value that is no number is an error that names the variable, not a warning",
    ),
    (
        "config file wins over everything",
        "OTEL_CONFIG_FILE is declarative configuration, which opentelemetry-rust does not read",
    ),
    (
        "exporters none",
        "metrics are scraped and logs written to standard output unless an exporter is named",
    ),
];

#[derive(Deserialize)]
struct Suite {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    env: BTreeMap<String, String>,
    expect: BTreeMap<String, Json>,
}

fn read(env: &BTreeMap<String, String>) -> Result<Settings, skopos_sdk::SetupError> {
    Settings::from_lookup("svc", "1", |name| env.get(name).cloned())
}

fn otlp(settings: &Settings) -> Option<&OtlpSettings> {
    match &settings.traces {
        TracesBackend::Otlp(otlp) => Some(otlp),
        _ => None,
    }
}

/// The setting that a key of the suite means; none where Skopos has no such setting.
fn effective(settings: &Settings, env: &BTreeMap<String, String>, key: &str) -> Option<Json> {
    let batch = settings.batch;
    let limits = settings.span_limits;
    Some(match key {
        "traces_url" => json!(otlp(settings)?.endpoint),
        "metrics_url" => {
            let mut env = env.clone();
            env.insert("OTEL_METRICS_EXPORTER".to_owned(), "otlp".to_owned());
            json!(read(&env).expect("valid").metrics.otlp?.endpoint)
        }
        "protocol" => json!(match otlp(settings)?.protocol {
            OtlpProtocol::Grpc => "grpc",
            OtlpProtocol::HttpProtobuf => "http/protobuf",
        }),
        "timeout_ms" => json!(otlp(settings)?.timeout.as_millis() as u64),
        "compression" => json!(if otlp(settings)?.gzip { "gzip" } else { "none" }),
        "headers" => {
            let pairs = otlp(settings)?.headers.iter();
            Json::Object(pairs.map(|(k, v)| (k.clone(), json!(v.expose()))).collect())
        }
        "sampler" => json!(match settings.sampler {
            // In the default environment the rate is 1, which is to sample always.
            SamplerKind::ParentBasedOn | SamplerKind::ParentBasedRatio(1.0) => "parentbased_always_on",
            other => panic!("{other:?}"),
        }),
        "propagators" => settings
            .propagators
            .iter()
            .map(|p| json!(format!("{p:?}").to_lowercase()))
            .collect(),
        "metric_export_interval_ms" => json!(settings.metrics.interval.as_millis() as u64),
        "bsp_schedule_delay_ms" => json!(batch.schedule_delay.as_millis() as u64),
        "bsp_export_timeout_ms" => json!(batch.export_timeout.as_millis() as u64),
        "bsp_max_queue_size" => json!(batch.max_queue_size),
        "bsp_max_export_batch_size" => json!(batch.max_export_batch_size),
        "span_attribute_count" => json!(limits.max_attributes_per_span),
        "span_event_count" => json!(limits.max_events_per_span),
        "span_link_count" => json!(limits.max_links_per_span),
        "event_attribute_count" => json!(limits.max_attributes_per_event),
        "link_attribute_count" => json!(limits.max_attributes_per_link),
        _ => return None,
    })
}

/// Keys of settings that the SDK leaves to others: log export, exemplars, limits that opentelemetry-rust lacks.
const LEFT_OUT: [&str; 8] = [
    "logs_url",
    "blrp_schedule_delay_ms",
    "blrp_export_timeout_ms",
    "blrp_max_queue_size",
    "blrp_max_export_batch_size",
    "attribute_value_length",
    "metric_export_timeout_ms",
    "exemplar_filter",
];

#[test]
fn otel_variables_mean_what_the_specification_says() {
    let suite = shared::<Suite>("propagation/otel_env.yaml");
    let mut checked = 0;
    for case in &suite.cases {
        if DEPARTURES.iter().any(|(id, _)| *id == case.id) {
            if case.expect.get("warning") == Some(&json!(true)) {
                let error = read(&case.env).expect_err(&case.id).to_string();
                assert!(case.env.keys().all(|name| error.contains(name)), "{error}");
            }
            continue;
        }
        let settings = read(&case.env).unwrap_or_else(|error| panic!("{}: {error}", case.id));
        for (key, expected) in &case.expect {
            match effective(&settings, &case.env, key) {
                Some(found) => assert_eq!(&found, expected, "{}: {key}", case.id),
                None => assert!(LEFT_OUT.contains(&key.as_str()), "{}: {key}", case.id),
            }
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} settings were compared");
}
