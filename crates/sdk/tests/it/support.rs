//! Set-ups that leave the process alone, the shared cases, and waiting for what must happen.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use opentelemetry::trace::{SpanContext, TraceContextExt};
use serde::de::DeserializeOwned;
use skopos_sdk::{Observability, ObservabilityBuilder, Settings};

/// How long a thing that must happen may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where nobody listens. A port that was free a moment ago may be another test's by now.
pub(crate) const NOBODY: &str = "127.0.0.1:1";

/// A set-up from variables, with its log lines.
pub(crate) fn set_up(vars: &[(&str, &str)]) -> (Observability, Arc<Mutex<String>>) {
    let settings = Settings::from_lookup("shop", "1.0", |name| {
        vars.iter().find(|(k, _)| *k == name).map(|(_, v)| (*v).to_owned())
    });
    let lines: Arc<Mutex<String>> = Arc::default();
    let copy = Arc::clone(&lines);
    let observability = ObservabilityBuilder::new(settings.expect("valid settings"))
        .log_sink(Arc::new(move |line| {
            let mut lines = copy.lock().expect("no panic while held");
            lines.push_str(&String::from_utf8_lossy(line));
        }))
        .build()
        .expect("builds");
    (observability, lines)
}

/// The identity of what runs here.
pub(crate) fn active_span() -> SpanContext {
    let context = skopos_sdk::propagation::current_context();
    context.span().span_context().clone()
}

/// Value of a series in the exposition, by the start of its line; 0 where it is absent.
pub(crate) fn value(exposition: &str, series: &str) -> f64 {
    exposition
        .lines()
        .find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
        .unwrap_or_default()
}

/// Polls until the condition holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A file of the shared cases, in `$SKOPOS_SHARED` or in `shared` beside the workspace.
pub(crate) fn shared<T: DeserializeOwned>(path: &str) -> T {
    let root = std::env::var_os("SKOPOS_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join("conformance").join(path);
    let text =
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}; set SKOPOS_SHARED", path.display()));
    serde_saphyr::from_str(&text).expect("cases")
}
