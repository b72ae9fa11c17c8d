//! What the settings make of their variables.

use super::*;

fn read(vars: &[(&str, &str)]) -> Result<Settings, SetupError> {
    Settings::from_lookup("svc", "1.0", |name| {
        vars.iter().find(|(k, _)| *k == name).map(|(_, v)| (*v).to_owned())
    })
}

fn otlp(vars: &[(&str, &str)]) -> OtlpSettings {
    match read(vars).expect("valid").traces {
        TracesBackend::Otlp(otlp) => otlp,
        other => panic!("not OTLP: {other:?}"),
    }
}

#[test]
fn defaults_need_no_environment() {
    let settings = read(&[]).expect("defaults are valid");
    assert!(settings.enabled);
    assert_eq!(settings.environment, "LOCAL");
    assert_eq!(settings.sampler, SamplerKind::ParentBasedRatio(1.0));
    assert_eq!(settings.metrics.path, "/metrics");
    assert_eq!((settings.metrics.otlp, settings.metrics.listener), (None, None));
    assert_eq!(otlp(&[]).endpoint, "http://localhost:4318/v1/traces");
}

#[test]
fn signal_specific_values_win_over_those_of_all_signals_and_of_the_systems() {
    let vars = [
        ("OTLP_ENDPOINT", "http://system:4317"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4317"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4317"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "3000"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "500"),
    ];
    assert_eq!(otlp(&vars).endpoint, "http://traces:4317");
    assert_eq!(otlp(&vars).protocol, OtlpProtocol::Grpc);
    assert_eq!(otlp(&vars).timeout.as_millis(), 500);
    assert_eq!(otlp(&vars[..2]).endpoint, "http://all:4317");
    assert_eq!(otlp(&vars[..1]).endpoint, "http://system:4317");
}

#[test]
fn any_switch_turns_everything_off() {
    for vars in [
        ("OTEL_SDK_DISABLED", "true"),
        ("ENABLE_OBSERVABILITY", "false"),
        ("APM_ENABLED", "false"),
    ] {
        assert!(!read(&[vars]).expect("valid").enabled, "{vars:?}");
    }
    // OTEL_* wins where both are set.
    for other in ["ENABLE_OBSERVABILITY", "APM_ENABLED"] {
        for (disabled, switch) in [("false", "false"), ("true", "true")] {
            let settings = read(&[("OTEL_SDK_DISABLED", disabled), (other, switch)]).expect("valid");
            assert_eq!(settings.enabled, disabled == "false", "{other}={switch}");
        }
    }
    let none = read(&[("OTEL_TRACES_EXPORTER", "none"), ("APM_BACKEND", "jaeger")]).expect("valid");
    assert_eq!((none.enabled, none.traces), (true, TracesBackend::None));
}

#[test]
fn wrong_values_are_named() {
    for (name, value) in [
        ("OTEL_SDK_DISABLED", "1"),
        ("ENABLE_OBSERVABILITY", "maybe"),
        ("APM_ENABLED", "sure"),
        ("APM_BACKEND", "zipkin"),
        ("TRACE_SAMPLE_RATE", "7"),
        ("TRACES_SAMPLE_RATE", "-1"),
        ("PROFILES_SAMPLE_RATE", "NaN"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_METRICS_EXPORTER", "statsd"),
        ("OTEL_LOGS_EXPORTER", "syslog"),
        ("OTEL_PROPAGATORS", "tracecontext,xray"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096"),
        ("OTEL_BSP_SCHEDULE_DELAY", "soon"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1m"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "many"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "both"),
        ("PROMETHEUS_PORT", "80000"),
        ("PROMETHEUS_METRICS_PATH", "metrics"),
        ("HTTP_METRICS", "statsd"),
        ("ERRORS_ALWAYS", "perhaps"),
    ] {
        let error = read(&[(name, value)]).expect_err(name).to_string();
        assert!(error.contains(&format!("{name}={value}")), "{error}");
    }
}

#[test]
fn the_systems_name_their_back_end() {
    let jaeger = read(&[("JAEGER_ENDPOINT", "http://jaeger:14268")]).expect("valid");
    assert_eq!(
        jaeger.traces,
        TracesBackend::Jaeger {
            endpoint: "http://jaeger:14268/api/traces".to_owned()
        }
    );
    let datadog = read(&[("APM_BACKEND", "datadog"), ("DATADOG_API_KEY", "s3cr3t")]).expect("valid");
    assert!(
        matches!(&datadog.traces, TracesBackend::Datadog { endpoint, api_key: Some(_) } if endpoint.ends_with(":8126"))
    );
    assert!(!format!("{datadog:?}").contains("s3cr3t"));
    let prometheus = read(&[("APM_BACKEND", "prometheus"), ("PROMETHEUS_METRICS_PATH", "/stats")]).expect("valid");
    let listener = ListenerSettings {
        host: "0.0.0.0".to_owned(),
        port: 8001,
    };
    assert_eq!(
        (&prometheus.traces, &prometheus.metrics.listener),
        (&TracesBackend::None, &Some(listener))
    );
    assert_eq!(prometheus.metrics.path, "/stats");
    // OTEL_* wins where both are set.
    for (exporter, port) in [
        ("none", None),
        ("otlp", None),
        ("prometheus", Some(9464)),
        ("otlp,prometheus", Some(9464)),
    ] {
        let vars = [("OTEL_METRICS_EXPORTER", exporter), ("APM_BACKEND", "prometheus")];
        let listener = read(&vars).expect("valid").metrics.listener;
        assert_eq!(listener.map(|listener| listener.port), port, "{exporter}");
        let vars = [("OTEL_METRICS_EXPORTER", exporter), ("PROMETHEUS_PORT", "8001")];
        let listener = read(&vars).expect("valid").metrics.listener;
        assert_eq!(listener.map(|listener| listener.port), port.map(|_| 8001), "{exporter}");
    }
    let both = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4317"),
        ("JAEGER_ENDPOINT", "http://jaeger:14268"),
    ];
    assert_eq!(otlp(&both).endpoint, "http://all:4317");
}

#[test]
fn secrets_are_not_told_in_errors() {
    for name in ["OTEL_EXPORTER_OTLP_HEADERS", "SENTRY_DSN"] {
        let error = read(&[(name, "s3cr3t")]).expect_err("no pair and no DSN").to_string();
        assert!(error.contains(name) && !error.contains("s3cr3t"), "{error}");
    }
}

#[test]
fn resource_carries_environment_and_given_attributes() {
    let vars = [
        ("SOMA_AGENT_MODE", "PROD"),
        ("OTEL_RESOURCE_ATTRIBUTES", "team=zeta%20one,service.version=9.9"),
        ("OTEL_SERVICE_NAME", "renamed"),
    ];
    let resource = read(&vars).expect("valid").resource();
    let get = |key: &'static str| resource.get(&key.into()).map(|v| v.to_string());
    assert_eq!(get("deployment.environment").as_deref(), Some("PROD"));
    assert_eq!(get("service.name").as_deref(), Some("renamed"));
    assert_eq!(get("service.version").as_deref(), Some("9.9"));
    assert_eq!(get("team").as_deref(), Some("zeta one"));
    assert_eq!(get("telemetry.sdk.name").as_deref(), Some("opentelemetry"));
    assert_eq!(get("telemetry.sdk.language").as_deref(), Some("rust"));
    assert!(get("telemetry.sdk.version").is_some() && get("service.instance.id").is_some());
}
