//! The shared propagation cases: W3C trace context, B3, Jaeger and baggage.

use std::collections::{BTreeMap, HashMap};

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::BaggagePropagator;
use serde::Deserialize;
use serde_json::Value as Json;
use skopos_sdk::W3cPropagator;
use skopos_sdk::propagation::{
    B3Decision, B3Propagator, HeaderExtractor, HeaderInjector, JaegerPropagator, Propagator, composite,
};

use crate::support::{set_up, shared};

#[derive(Deserialize)]
struct W3c {
    cases: Vec<W3cCase>,
}

#[derive(Deserialize)]
struct W3cCase {
    id: String,
    headers: Vec<(String, String)>,
    expect: BTreeMap<String, Json>,
}

fn headers(pairs: &[(String, String)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes());
        // A name or value that HTTP itself refuses never reaches a service.
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    headers
}

/// What a service sends on that got these headers: one span in between, made by the tracer itself.
fn send_on(incoming: &HeaderMap) -> HeaderMap {
    use opentelemetry::trace::Tracer;
    let (observability, _) = set_up(&[("OTEL_TRACES_EXPORTER", "none")]);
    let context = W3cPropagator.extract(&HeaderExtractor(incoming));
    let span = observability.tracer().start_with_context("serve", &context);
    let mut outgoing = HeaderMap::new();
    W3cPropagator.inject_context(&context.with_span(span), &mut HeaderInjector(&mut outgoing));
    outgoing
}

fn fault_of(case: &W3cCase) -> Option<String> {
    let incoming = headers(&case.headers);
    let outgoing = send_on(&incoming);
    let text = |name: &str| {
        outgoing
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let (parent, state) = (text("traceparent"), text("tracestate"));
    let fields: Vec<&str> = parent.split('-').collect();
    let [_, trace_id, span_id, _] = fields.as_slice() else {
        return Some(format!("traceparent {parent}"));
    };
    let members: Vec<&str> = state.split(',').filter(|member| !member.is_empty()).collect();
    let has = |key: &str, value: &str| members.contains(&format!("{key}={value}").as_str());
    let texts = |value: &Json| -> Vec<String> {
        let list = value.as_array().cloned().unwrap_or_default();
        list.iter()
            .map(|item| item.as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let sent: Vec<String> = case.headers.iter().map(|(_, value)| value.clone()).collect();
    let holds = |(what, expected): (&String, &Json)| match what.as_str() {
        "valid_outgoing_traceparent" => trace_id.len() == 32 && span_id.len() == 16,
        "trace_id" => expected == *trace_id,
        "new_trace_id" => !sent.iter().any(|header| header.contains(trace_id)),
        "parent_id_not" => !texts(expected).iter().any(|id| id == span_id),
        "tracestate_has" => expected.as_object().is_some_and(|pairs| {
            pairs
                .iter()
                .all(|(key, value)| has(key, value.as_str().unwrap_or_default()))
        }),
        "tracestate_lacks" => !texts(expected).iter().any(|key| state.contains(&format!("{key}="))),
        "tracestate_has_one_of" => texts(expected).iter().any(|member| members.contains(&member.as_str())),
        "tracestate_discarded" => members.is_empty(),
        "tracestate_member_count" => expected.as_u64() == Some(members.len() as u64),
        other => panic!("the suite has a new expectation: {other}"),
    };
    let broken: Vec<&String> = case
        .expect
        .iter()
        .filter(|pair| !holds(*pair))
        .map(|(what, _)| what)
        .collect();
    (!broken.is_empty()).then(|| format!("{}: {broken:?}, sent {parent} {state}", case.id))
}

#[test]
fn w3c_trace_context() {
    let suite = shared::<W3c>("propagation/w3c_trace_context.yaml");
    let faults: Vec<String> = suite.cases.iter().filter_map(fault_of).collect();
    assert!(
        faults.is_empty(),
        "{} of {}:\n{}",
        faults.len(),
        suite.cases.len(),
        faults.join("\n")
    );
}

#[derive(Deserialize)]
struct Parsing {
    traceparent: Vec<BTreeMap<String, Json>>,
    tracestate: Vec<BTreeMap<String, Json>>,
}

#[test]
fn w3c_header_parsing() {
    const PARENT: &str = "00-12345678901234567890123456789012-1234567890123456-01";
    let suite = shared::<Parsing>("propagation/w3c_header_parsing.yaml");
    let read = |parent: &str, state: Option<&str>| {
        let mut pairs = vec![("traceparent".to_owned(), parent.to_owned())];
        pairs.extend(state.map(|state| ("tracestate".to_owned(), state.to_owned())));
        let context = W3cPropagator.extract(&HeaderExtractor(&headers(&pairs)));
        let span = context.span();
        (
            span.span_context().is_valid(),
            span.span_context().trace_state().header(),
        )
    };
    for case in &suite.traceparent {
        let header = case["traceparent"].as_str().expect("text");
        assert_eq!(read(header, None).0, case["accepted"], "{header}");
    }
    for case in &suite.tracestate {
        let header = case["tracestate"].as_str().expect("text");
        let (_, state) = read(PARENT, Some(header));
        match case.get("normalised").and_then(Json::as_str) {
            Some(normalised) => assert_eq!(state, normalised, "{header:?}"),
            None => assert_eq!(state.is_empty(), case["accepted"] == false, "{header:?}"),
        }
    }
}

#[derive(Deserialize)]
struct Formats {
    extract: Vec<Extract>,
    #[serde(default)]
    inject: Vec<Inject>,
}

#[derive(Deserialize)]
struct Extract {
    id: String,
    headers: BTreeMap<String, String>,
    expect: Option<Found>,
}

#[derive(Deserialize)]
struct Inject {
    id: String,
    mode: String,
    context: Found,
    expect: BTreeMap<String, String>,
}

#[derive(Deserialize, Debug, PartialEq)]
struct Found {
    trace_id: String,
    span_id: String,
    sampling: String,
}

fn found(context: &Context) -> Option<Found> {
    let span = context.span();
    let span = span.span_context();
    let sampling = match context.get::<B3Decision>() {
        Some(B3Decision::Debug) if span.is_sampled() => "debug",
        Some(B3Decision::Deferred) => "deferred",
        _ if span.is_sampled() => "sampled",
        _ => "not_sampled",
    };
    span.is_valid().then(|| Found {
        trace_id: span.trace_id().to_string(),
        span_id: span.span_id().to_string(),
        sampling: sampling.to_owned(),
    })
}

fn check_extraction(propagator: &dyn TextMapPropagator, cases: &[Extract]) {
    for case in cases {
        let pairs: Vec<(String, String)> = case.headers.clone().into_iter().collect();
        let context = propagator.extract(&HeaderExtractor(&headers(&pairs)));
        assert_eq!(found(&context), case.expect, "{}", case.id);
        // Event maps hold their keys in lower case, and both carriers agree.
        let event: HashMap<String, String> = pairs.into_iter().map(|(k, v)| (k.to_ascii_lowercase(), v)).collect();
        assert_eq!(
            found(&propagator.extract(&event)),
            case.expect,
            "{} in an event",
            case.id
        );
    }
}

fn context_of(wanted: &Found) -> Context {
    let flags = match wanted.sampling.as_str() {
        "sampled" | "debug" => TraceFlags::SAMPLED,
        _ => TraceFlags::NOT_SAMPLED,
    };
    let trace_id = TraceId::from_hex(&wanted.trace_id).expect("hex");
    let span_id = SpanId::from_hex(&wanted.span_id).expect("hex");
    let span = SpanContext::new(trace_id, span_id, flags, true, TraceState::NONE);
    let context = Context::new().with_remote_span_context(span);
    match wanted.sampling.as_str() {
        "debug" => context.with_value(B3Decision::Debug),
        "deferred" => context.with_value(B3Decision::Deferred),
        _ => context,
    }
}

#[test]
fn b3() {
    let suite = shared::<Formats>("propagation/b3.yaml");
    check_extraction(&B3Propagator::single(), &suite.extract);
    check_extraction(&B3Propagator::multi(), &suite.extract);
    for case in &suite.inject {
        let propagator = if case.mode == "single" {
            B3Propagator::single()
        } else {
            B3Propagator::multi()
        };
        let mut sent = HeaderMap::new();
        propagator.inject_context(&context_of(&case.context), &mut HeaderInjector(&mut sent));
        assert_eq!(sent.len(), case.expect.len(), "{}: {sent:?}", case.id);
        for (name, value) in &case.expect {
            assert_eq!(
                sent.get(name).and_then(|v| v.to_str().ok()),
                Some(value.as_str()),
                "{}",
                case.id
            );
        }
    }
}

#[test]
fn a_deferred_decision_is_made_here() {
    use opentelemetry::trace::Tracer;
    let incoming = HashMap::from([(
        "b3".to_owned(),
        "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7".to_owned(),
    )]);
    let context = B3Propagator::single().extract(&incoming);
    for (rate, decided) in [("1", "-1"), ("0", "-0")] {
        let (observability, _) = set_up(&[("OTEL_TRACES_EXPORTER", "none"), ("TRACE_SAMPLE_RATE", rate)]);
        let span = observability.tracer().start_with_context("serve", &context);
        let mut sent = HashMap::new();
        B3Propagator::single().inject_context(&context.with_span(span), &mut sent);
        let header = &sent["b3"];
        assert!(
            header.starts_with("4bf92f3577b34da6a3ce929d0e0e4736-") && header.ends_with(decided),
            "{header}"
        );
    }
}

#[test]
fn jaeger() {
    let suite = shared::<Formats>("propagation/jaeger.yaml");
    check_extraction(&JaegerPropagator, &suite.extract);
    // What was read is what is written, with ids at their full width and baggage beside it.
    let incoming = HashMap::from([
        ("uber-trace-id".to_owned(), "4d0000000000000016:17c29:0:3".to_owned()),
        ("uberctx-tenant".to_owned(), "acme%20inc".to_owned()),
    ]);
    let context = JaegerPropagator.extract(&incoming);
    assert_eq!(
        context.baggage().get("tenant").map(opentelemetry::StringValue::as_str),
        Some("acme inc")
    );
    let mut sent: HashMap<String, String> = HashMap::new();
    JaegerPropagator.inject_context(&context, &mut sent);
    assert_eq!(
        sent["uber-trace-id"],
        "000000000000004d0000000000000016:0000000000017c29:0:3"
    );
    assert_eq!(sent["uberctx-tenant"], "acme%20inc");
}

/// The other formats have no place for `tracestate`: it is there whatever comes first, for the span that it belongs to.
#[test]
fn tracestate_outlives_the_formats_without_one() {
    const IDS: &str = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";
    const OTHER: &str = "5cf92f3577b34da6a3ce929d0e0e4736-10f067aa0ba902b7";
    let sent = |b3: &str| {
        HashMap::from([
            ("traceparent".to_owned(), format!("00-{IDS}-01")),
            ("tracestate".to_owned(), "vendor=1,other=2".to_owned()),
            ("b3".to_owned(), format!("{b3}-1")),
            ("uber-trace-id".to_owned(), format!("{}:0:1", b3.replace('-', ":"))),
        ])
    };
    let read = |propagators: &[Propagator], b3: &str| {
        let context = composite(propagators).extract(&sent(b3));
        let span = context.span();
        let span = span.span_context();
        (span.trace_id().to_string(), span.trace_state().header())
    };
    let (first, second) = (&IDS[..32], &OTHER[..32]);
    for without in [Propagator::B3, Propagator::B3Multi, Propagator::Jaeger] {
        for order in [[Propagator::TraceContext, without], [without, Propagator::TraceContext]] {
            let expected = (first.to_owned(), "vendor=1,other=2".to_owned());
            assert_eq!(read(&order, IDS), expected, "{order:?}");
        }
        let later = read(&[Propagator::TraceContext, without], OTHER);
        assert_eq!(
            later,
            (second.to_owned(), String::new()),
            "{without:?} names another span"
        );
    }
}

#[derive(Deserialize)]
struct Baggage {
    extract: Vec<BTreeMap<String, Json>>,
    inject: Vec<BTreeMap<String, Json>>,
}

fn repeated(rule: &Json) -> String {
    let (from, to) = (
        rule["from"].as_u64().expect("a number"),
        rule["to"].as_u64().expect("a number"),
    );
    let template = rule["member"].as_str().expect("text");
    let members: Vec<String> = (from..to)
        .map(|i| {
            template
                .replace("{i:03}", &format!("{i:03}"))
                .replace("{i}", &i.to_string())
        })
        .collect();
    members.join(rule["separator"].as_str().expect("text"))
}

#[test]
fn baggage() {
    let suite = shared::<Baggage>("propagation/baggage.yaml");
    for case in &suite.extract {
        let header = case.get("baggage").map_or_else(
            || repeated(&case["baggage_repeat"]),
            |header| header.as_str().expect("text").to_owned(),
        );
        let context = BaggagePropagator::new().extract(&HashMap::from([("baggage".to_owned(), header)]));
        let baggage = context.baggage();
        if let Some(count) = case.get("expect_count") {
            assert_eq!(count.as_u64(), Some(baggage.len() as u64), "{}", case["id"]);
            continue;
        }
        let expected = case["expect"].as_object().expect("members");
        assert_eq!(baggage.len(), expected.len(), "{}", case["id"]);
        for (key, member) in expected {
            let (value, metadata) = baggage.get_with_metadata(key).expect("the member");
            assert_eq!(member["value"], value.as_str(), "{}", case["id"]);
            let wanted = member.get("metadata").and_then(Json::as_str).unwrap_or_default();
            assert_eq!(metadata.as_str(), wanted, "{}", case["id"]);
        }
    }
    // Members with lists or metadata are the crate's own cases; here is the escaping.
    let escaped = &suite.inject[0];
    let members = escaped["members"].as_array().expect("members");
    let pairs = members.iter().map(|pair| {
        KeyValue::new(
            pair[0].as_str().expect("text").to_owned(),
            pair[1].as_str().expect("text").to_owned(),
        )
    });
    let mut sent: HashMap<String, String> = HashMap::new();
    BaggagePropagator::new().inject_context(&Context::new().with_baggage(pairs), &mut sent);
    for part in escaped["expect"].as_array().expect("parts") {
        let part = part.as_str().expect("text");
        assert!(
            sent["baggage"].split(',').any(|member| member == part),
            "{part} in {sent:?}"
        );
    }
}
