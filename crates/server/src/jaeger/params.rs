//! Parameters of a trace search, as Jaeger's `query_parser.go` reads them.

use std::collections::BTreeMap;

use skopos_core::span::{TraceId, TraceSearch};
use skopos_core::time::TimeRangeNs;

use super::envelope::JaegerError;
use crate::params::Params;
use crate::time::parse_go_duration_ns;

const DEFAULT_LIMIT: usize = 100;
/// Most traces of one answer, whatever the client asks for.
const MAX_LIMIT: usize = 10_000;
/// What a search without `start` looks back.
const DEFAULT_LOOKBACK_NS: i64 = 48 * 3600 * 1_000_000_000;
const NS_PER_US: i64 = 1000;

/// What `/api/traces` is asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TracesRequest {
    /// The search; without a service where trace ids are given.
    pub(super) search: TraceSearch,
    /// Traces asked for by id.
    pub(super) trace_ids: Vec<TraceId>,
    /// Whether adjusters run.
    pub(super) adjusters: Adjusters,
}

/// Whether traces are adjusted for display.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Adjusters {
    /// They are.
    Run,
    /// `raw=true`: as stored.
    Skip,
}

/// Reads the parameters of `/api/traces`.
pub(super) fn traces_request(params: &Params, now_ns: i64) -> Result<TracesRequest, JaegerError> {
    let range = search_range(params, now_ns)?;
    let limit = limit(params)?;
    let (min_duration_ns, max_duration_ns) = (duration(params, "minDuration")?, duration(params, "maxDuration")?);
    let tags = tags(params)?;
    let trace_ids: Vec<TraceId> = params
        .all("traceID")
        .map(|text| {
            text.parse()
                .map_err(|error| JaegerError::bad_request(format!("cannot parse traceID param: {error}")))
        })
        .collect::<Result<_, _>>()?;
    let service = params.non_empty("service").map(str::to_owned);
    if service.is_none() && trace_ids.is_empty() {
        return Err(service_required());
    }
    if let (Some(min), Some(max)) = (min_duration_ns, max_duration_ns)
        && max < min
    {
        let text = "'maxDuration' should be greater than 'minDuration'";
        return Err(JaegerError::bad_request(text));
    }
    let search = TraceSearch {
        service,
        operation: params.non_empty("operation").map(str::to_owned),
        tags,
        min_duration_ns,
        max_duration_ns,
        range,
        limit,
    };
    Ok(TracesRequest {
        search,
        trace_ids,
        adjusters: adjusters(params)?,
    })
}

/// Reads `raw`.
pub(super) fn adjusters(params: &Params) -> Result<Adjusters, JaegerError> {
    match params.get("raw") {
        "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(Adjusters::Run),
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Adjusters::Skip),
        other => Err(unparsable("raw", &format!("{other:?} is no boolean"))),
    }
}

/// Reads `endTs` and `lookback` of `/api/dependencies`, both in milliseconds.
pub(super) fn dependency_range(params: &Params, now_ns: i64) -> Result<TimeRangeNs, JaegerError> {
    const DAY_MS: i64 = 86_400_000;
    let end_ms = integer(params, "endTs")?.unwrap_or(now_ns / 1_000_000);
    let lookback_ms = integer(params, "lookback")?.unwrap_or(DAY_MS);
    let end_ns = end_ms.saturating_mul(1_000_000);
    let start_ns = end_ms.saturating_sub(lookback_ms).saturating_mul(1_000_000);
    Ok(TimeRangeNs::new(start_ns, end_ns.saturating_add(1)))
}

/// The error of a request without a service.
pub(super) fn service_required() -> JaegerError {
    JaegerError::bad_request("parameter 'service' is required")
}

fn search_range(params: &Params, now_ns: i64) -> Result<TimeRangeNs, JaegerError> {
    let to_ns = |us: i64| us.saturating_mul(NS_PER_US);
    let start_ns = integer(params, "start")?.map_or(now_ns - DEFAULT_LOOKBACK_NS, to_ns);
    let end_ns = integer(params, "end")?.map_or(now_ns, to_ns);
    Ok(TimeRangeNs::new(start_ns, end_ns.saturating_add(1)))
}

fn limit(params: &Params) -> Result<usize, JaegerError> {
    let limit = integer(params, "limit")?.map_or(DEFAULT_LIMIT, |limit| usize::try_from(limit).unwrap_or(0));
    Ok(match limit {
        0 => DEFAULT_LIMIT,
        limit => limit.min(MAX_LIMIT),
    })
}

fn integer(params: &Params, name: &str) -> Result<Option<i64>, JaegerError> {
    let Some(text) = params.non_empty(name) else {
        return Ok(None);
    };
    text.parse()
        .map(Some)
        .map_err(|_| unparsable(name, &format!("{text:?} is no integer")))
}

fn duration(params: &Params, name: &str) -> Result<Option<i64>, JaegerError> {
    let Some(text) = params.non_empty(name) else {
        return Ok(None);
    };
    let ns = parse_go_duration_ns(text).map_err(|_| unparsable(name, &format!("invalid duration {text:?}")))?;
    Ok(Some(ns).filter(|ns| *ns > 0))
}

fn tags(params: &Params) -> Result<Vec<(String, String)>, JaegerError> {
    let mut tags = Vec::new();
    for tag in params.all("tag") {
        let (key, value) = tag.split_once(':').ok_or_else(|| {
            JaegerError::bad_request(format!(
                "malformed 'tag' parameter, expecting key:value, received: {tag}"
            ))
        })?;
        tags.push((key.to_owned(), value.to_owned()));
    }
    for text in params.all("tags").filter(|text| !text.is_empty()) {
        let more: BTreeMap<String, String> = serde_json::from_str(text).map_err(|error| {
            JaegerError::bad_request(format!("malformed 'tags' parameter, cannot unmarshal JSON: {error}"))
        })?;
        tags.extend(more);
    }
    Ok(tags)
}

fn unparsable(name: &str, reason: &str) -> JaegerError {
    JaegerError::bad_request(format!("unable to parse param '{name}': {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<TracesRequest, JaegerError> {
        traces_request(&Params::from_query(query), 1_000_000_000_000_000_000)
    }

    #[test]
    fn a_search_is_read() {
        let request =
            read("service=s&operation=o&start=0&end=5&limit=7&tag=k:v:w&tags={\"x\":\"y\"}&minDuration=1.5ms");
        let search = request.expect("the search is well formed").search;
        assert_eq!(search.service.as_deref(), Some("s"));
        assert_eq!(search.tags, [("k".into(), "v:w".into()), ("x".into(), "y".into())]);
        assert_eq!(search.range, TimeRangeNs::new(0, 5001));
        assert_eq!((search.limit, search.min_duration_ns), (7, Some(1_500_000)));
    }

    #[test]
    fn a_service_or_an_id_is_needed() {
        assert_eq!(read("limit=5"), Err(service_required()));
        assert_eq!(read("traceID=ab").map(|request| request.trace_ids.len()), Ok(1));
        assert!(read("traceID=x").is_err());
    }
}
