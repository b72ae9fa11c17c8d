//! Parameters of queries as clients write them.

use std::path::PathBuf;

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Suite {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    request: String,
    ok: bool,
    step_s: Option<f64>,
    interval_s: Option<f64>,
    limit: Option<usize>,
    direction: Option<String>,
}

/// Loki's own cases of requests; see `conformance/logql/http_params.yaml`.
#[test]
fn requests_are_read_as_in_loki() {
    let shared = std::env::var_os("SKOPOS_SHARED").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
        PathBuf::from,
    );
    let path = shared.join("conformance/logql/http_params.yaml");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let suite: Suite = serde_saphyr::from_str(&text).expect("the suite is YAML");
    assert!(suite.cases.len() > 10, "the suite has its cases");
    for case in &suite.cases {
        check(case);
    }
}

fn check(case: &Case) {
    let (path, query) = case.request.split_once('?').expect("a request has parameters");
    let params = Params::from_query(query);
    let now_ns = 1_700_000_000 * NS_PER_SECOND;
    if path.ends_with("/query") {
        assert_eq!(
            instant(&params, now_ns, &Limits::default()).is_ok(),
            case.ok,
            "{}",
            case.id
        );
        return;
    }
    let read = range(&params, now_ns, &Limits::default());
    assert_eq!(read.is_ok(), case.ok, "{}: {read:?}", case.id);
    let Ok(read) = read else { return };
    let seconds = |ns: i64| ns as f64 / NS_PER_SECOND as f64;
    assert_eq!(
        case.step_s.unwrap_or(seconds(read.step_ns)),
        seconds(read.step_ns),
        "{}",
        case.id
    );
    assert_eq!(
        case.interval_s.unwrap_or(seconds(read.interval_ns)),
        seconds(read.interval_ns),
        "{}",
        case.id
    );
    assert_eq!(case.limit.unwrap_or(read.limit), read.limit, "{}", case.id);
    let direction = if read.direction == Direction::Forward {
        "forward"
    } else {
        "backward"
    };
    assert_eq!(case.direction.as_deref().unwrap_or(direction), direction, "{}", case.id);
}

#[test]
fn times_are_seconds_or_nanoseconds() {
    assert_eq!(time_ns("1700000000"), Ok(1_700_000_000 * NS_PER_SECOND));
    assert_eq!(time_ns("1700000000123456789"), Ok(1_700_000_000_123_456_789));
    assert_eq!(time_ns("1.5"), Ok(1_500_000_000));
    assert_eq!(time_ns("1970-01-01T00:00:01.000000002Z"), Ok(1_000_000_002));
    assert!(time_ns("t").is_err());
}

#[test]
fn a_limit_above_the_tenants_is_refused() {
    let error = limit(&Params::from_query("limit=6000"), 5000).expect_err("too many");
    assert!(format!("{error:?}").contains("(6000 > 5000)"), "{error:?}");
}
