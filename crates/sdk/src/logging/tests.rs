//! The line format, read back as JSON.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing_subscriber::prelude::*;

use super::{JsonLayer, LineSink};
use crate::log::{self, chain};

fn lines(run: impl FnOnce()) -> Vec<Value> {
    let written: Arc<Mutex<Vec<u8>>> = Arc::default();
    let copy = Arc::clone(&written);
    let sink: LineSink = Arc::new(move |line| copy.lock().expect("one thread").extend_from_slice(line));
    let subscriber = tracing_subscriber::registry().with(JsonLayer::new("svc", sink));
    tracing::subscriber::with_default(subscriber, run);
    let bytes = written.lock().expect("one thread").clone();
    let text = String::from_utf8(bytes).expect("lines are UTF-8");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect()
}

#[test]
fn a_line_has_all_members() {
    let lines = lines(|| tracing::warn!(tenant = "acme", count = 3, ratio = 0.5, ok = true, "budget \"low\"\n"));
    let line = &lines[0];
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["message"], "budget \"low\"\n");
    assert_eq!(line["service"], "svc");
    assert_eq!(line["logger"], module_path!());
    assert_eq!(line["module"], module_path!());
    assert_eq!(
        (&line["tenant"], &line["count"], &line["ratio"], &line["ok"]),
        (&"acme".into(), &3.into(), &0.5.into(), &true.into())
    );
    assert!(line["line"].as_u64().is_some_and(|n| n > 0));
    assert!(
        line["timestamp"]
            .as_str()
            .is_some_and(|t| t.ends_with('Z') && t.parse::<jiff::Timestamp>().is_ok())
    );
    assert_eq!(line.get("trace_id"), None);
}

#[test]
fn errors_are_unfolded() {
    let inner = std::io::Error::other("disk is full");
    let outer = std::io::Error::other(Wrapped(inner));
    let lines = lines(|| tracing::error!(error = &outer as &(dyn std::error::Error + 'static), "write failed"));
    assert_eq!(lines[0]["error"], "outer");
    let exception = &lines[0]["exception"];
    assert_eq!(
        (&exception["message"], &exception["causes"]),
        (&"outer".into(), &serde_json::json!(["disk is full"]))
    );
    // There is a stack where the environment of the test asks for one.
    let asked = Backtrace::capture().status() == BacktraceStatus::Captured;
    assert_eq!(exception["stacktrace"].is_string(), asked);
}

#[test]
fn a_panic_has_the_shape_of_an_error() {
    let lines = lines(|| {
        crate::panic_hook::install();
        let ended = std::panic::catch_unwind(|| panic!("no {}", "room"));
        assert!(ended.is_err());
    });
    let line = &lines[0];
    assert_eq!(
        (&line["level"], &line["message"]),
        (&"ERROR".into(), &"panic: no room".into())
    );
    assert_eq!(
        (&line["exception"]["message"], &line["exception"]["causes"]),
        (&"no room".into(), &serde_json::json!([]))
    );
    let stack = line["exception"]["stacktrace"].as_str().expect("a stack");
    assert!(stack.contains("a_panic_has_the_shape_of_an_error"), "{stack}");
    assert!(
        line["location"]
            .as_str()
            .is_some_and(|place| place.contains("tests.rs:"))
    );
    assert_eq!(line["error_type"], "panic");
}

#[test]
fn the_first_error_of_an_event_is_its_exception() {
    let (first, second) = (std::io::Error::other("first"), std::io::Error::other("second"));
    let lines = lines(|| log::error!(reason = chain(&first), other = chain(&second), "both"));
    assert_eq!(
        (&lines[0]["reason"], &lines[0]["other"]),
        (&"first".into(), &"second".into())
    );
    assert_eq!(lines[0]["exception"]["message"], "first");
}

#[derive(Debug)]
struct Wrapped(std::io::Error);

impl std::fmt::Display for Wrapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("outer")
    }
}

impl std::error::Error for Wrapped {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn the_function_is_the_instrumented_one() {
    #[tracing::instrument]
    fn settle() {
        tracing::info!("settled");
    }
    assert_eq!(lines(settle)[0]["function"], "settle");
}

#[test]
fn the_function_is_known_in_any_span() {
    fn told() {
        log::info!("told");
    }
    #[tracing::instrument]
    fn around() {
        let span = tracing::info_span!("of.a.request");
        span.in_scope(told);
        told();
    }
    let lines = lines(around);
    assert_eq!(
        (&lines[0]["function"], &lines[1]["function"]),
        (&"told".into(), &"told".into())
    );
}

#[test]
fn reserved_names_and_odd_values_keep_the_line_valid() {
    let lines = lines(|| tracing::info!(level = "mine", nan = f64::NAN, text = %"x".repeat(100_000), "m"));
    assert_eq!(lines[0]["level"], "INFO");
    assert_eq!(lines[0]["field.level"], "mine");
    assert_eq!(lines[0]["nan"], "NaN");
    assert_eq!(lines[0]["text"].as_str().map(str::len), Some(16 * 1024));
}

#[test]
fn too_many_bytes_are_dropped_and_counted() {
    let big = "y".repeat(16 * 1024);
    let lines = lines(|| {
        tracing::info!(
            a = big,
            b = big,
            c = big,
            d = big,
            e = big,
            f = big,
            small = "fits",
            "m"
        );
    });
    let line = &lines[0];
    // With their keys four values of 16 KiB are longer than the 64 KiB that all fields may take.
    assert_eq!(line["fields_dropped"], 3);
    assert!(line["c"].is_string() && line["d"].is_null());
    assert_eq!((&line["small"], &line["message"]), (&"fits".into(), &"m".into()));
    assert!(line.to_string().len() < 65 * 1024);
}
