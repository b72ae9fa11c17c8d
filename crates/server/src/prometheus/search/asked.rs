//! What a search asks for: its parameters, and which names answer them.

use std::cmp::Reverse;

use skopos_core::{Matcher, TimeRange};

use super::filter::{Algorithm, Case, Filter};
use crate::params::Params;
use crate::prometheus::arguments;
use crate::prometheus::envelope::ApiError;
use crate::prometheus::series::or_everything;

/// How far back a search without `start` looks.
const DEFAULT_RANGE_MS: i64 = 3_600_000;
/// Most results, and most of a line, where nothing else is asked for.
const DEFAULT_COUNT: usize = 100;

/// A search.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) selectors: Vec<Vec<Matcher>>,
    pub(super) range: TimeRange,
    pub(super) includes_score: bool,
    pub(super) limit: usize,
    pub(super) batch_size: usize,
    filter: Filter,
    order: Order,
}

/// In which order results come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Rising,
    Falling,
    /// The best first; equals by name.
    Score,
}

impl Asked {
    pub(super) fn read(params: &Params, now_ms: i64) -> Result<Self, ApiError> {
        let start_ms = arguments::time_ms_or(params, "start", now_ms - DEFAULT_RANGE_MS)?;
        let end_ms = arguments::time_ms_or(params, "end", now_ms)?;
        let selectors = or_everything(arguments::selectors(params)?);
        let threshold = threshold(params)?;
        let algorithm = algorithm(params)?;
        let case = if flag(params, "case_sensitive", true)? {
            Case::Kept
        } else {
            Case::Folded
        };
        let includes_score = flag(params, "include_score", false)?;
        let texts: Vec<&str> = params.all("search[]").collect();
        Ok(Self {
            order: order(params, !texts.is_empty())?,
            filter: Filter::new(&texts, algorithm, threshold, case),
            selectors,
            range: TimeRange::new(start_ms, end_ms),
            includes_score,
            limit: count(params, "limit")?,
            batch_size: count(params, "batch_size")?,
        })
    }

    /// The names that the search finds, each with its score; `names` are sorted.
    pub(super) fn pick(&self, names: Vec<String>) -> Vec<(f64, String)> {
        let scored = names
            .into_iter()
            .filter_map(|name| Some((self.filter.score(&name)?, name)));
        let mut picked: Vec<(f64, String)> = scored.collect();
        match self.order {
            Order::Rising => {}
            Order::Falling => picked.reverse(),
            // Sorting keeps the order of equals, which is that of their names.
            Order::Score => picked.sort_by_key(|(score, _)| Reverse(score.to_bits())),
        }
        picked
    }
}

/// A parameter that Go's `strconv.ParseBool` reads.
pub(super) fn flag(params: &Params, name: &str, default: bool) -> Result<bool, ApiError> {
    match params.get(name) {
        "" => Ok(default),
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        other => Err(ApiError::bad_data(format!("invalid {name} {other:?}: must be boolean"))),
    }
}

fn threshold(params: &Params) -> Result<f64, ApiError> {
    let Some(text) = params.non_empty("fuzz_threshold") else {
        return Ok(0.0);
    };
    let percent = text.parse().ok().filter(|percent: &u32| *percent <= 100);
    let percent =
        percent.ok_or_else(|| ApiError::bad_data(format!("invalid fuzz_threshold {text:?}: must be 0-100")))?;
    Ok(f64::from(percent) / 100.0)
}

fn algorithm(params: &Params) -> Result<Algorithm, ApiError> {
    match params.get("fuzz_alg") {
        "" | "subsequence" => Ok(Algorithm::Subsequence),
        "jarowinkler" => Ok(Algorithm::JaroWinkler),
        other => Err(ApiError::bad_data(format!(
            "unsupported fuzz_alg {other:?}: must be one of [subsequence jarowinkler]"
        ))),
    }
}

fn order(params: &Params, is_searched: bool) -> Result<Order, ApiError> {
    let (by, direction) = (params.get("sort_by"), params.get("sort_dir"));
    match (by, direction) {
        ("", "") | ("alpha", "" | "asc") => Ok(Order::Rising),
        ("alpha", "dsc") => Ok(Order::Falling),
        ("score", "") if is_searched => Ok(Order::Score),
        ("score", "") => Err(ApiError::bad_data("sort_by=score requires search[] to be set")),
        ("score", _) => Err(ApiError::bad_data("sort_dir is not supported for sort_by=score")),
        ("", _) => Err(ApiError::bad_data("sort_dir is only valid when sort_by is set")),
        ("alpha", other) => Err(ApiError::bad_data(format!(
            "invalid sort_dir {other:?}: must be \"asc\" or \"dsc\""
        ))),
        (other, _) => Err(ApiError::bad_data(format!(
            "invalid sort_by {other:?}: must be \"alpha\" or \"score\""
        ))),
    }
}

/// A count; 0 is the default too.
fn count(params: &Params, name: &str) -> Result<usize, ApiError> {
    let Some(text) = params.non_empty(name) else {
        return Ok(DEFAULT_COUNT);
    };
    match text.parse() {
        Ok(0) => Ok(DEFAULT_COUNT),
        Ok(count) => Ok(count),
        Err(_) => Err(ApiError::bad_data(format!(
            "invalid {name} {text:?}: must be non-negative integer"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn picked(query: &str) -> Vec<String> {
        let asked = Asked::read(&Params::from_query(query), 0).expect("good parameters");
        let names = ["go_gc_duration", "http_requests_total", "process_http_seconds", "up"];
        let picked = asked.pick(names.map(ToOwned::to_owned).to_vec());
        picked.into_iter().map(|(_, name)| name).collect()
    }

    #[test]
    fn names_come_in_the_order_asked_for() {
        let all = ["go_gc_duration", "http_requests_total", "process_http_seconds", "up"];
        assert_eq!(picked(""), all);
        assert_eq!(
            picked("sort_by=alpha&sort_dir=dsc"),
            all.into_iter().rev().collect::<Vec<_>>()
        );
        assert_eq!(
            picked("search[]=ht&sort_by=score"),
            ["http_requests_total", "process_http_seconds"],
            "the one that begins so is best"
        );
        assert_eq!(picked("search[]=up&search[]=gc"), ["go_gc_duration", "up"]);
    }

    #[test]
    fn faults_are_told_as_prometheus_tells_them() {
        for (query, reason) in [
            ("fuzz_threshold=101", "invalid fuzz_threshold \"101\": must be 0-100"),
            ("fuzz_threshold=-1", "invalid fuzz_threshold \"-1\": must be 0-100"),
            (
                "fuzz_alg=x",
                "unsupported fuzz_alg \"x\": must be one of [subsequence jarowinkler]",
            ),
            (
                "case_sensitive=maybe",
                "invalid case_sensitive \"maybe\": must be boolean",
            ),
            ("include_score=2", "invalid include_score \"2\": must be boolean"),
            ("sort_dir=asc", "sort_dir is only valid when sort_by is set"),
            (
                "sort_by=score&sort_dir=asc",
                "sort_dir is not supported for sort_by=score",
            ),
            ("sort_by=score", "sort_by=score requires search[] to be set"),
            (
                "sort_by=alpha&sort_dir=up",
                "invalid sort_dir \"up\": must be \"asc\" or \"dsc\"",
            ),
            ("sort_by=age", "invalid sort_by \"age\": must be \"alpha\" or \"score\""),
            ("limit=-1", "invalid limit \"-1\": must be non-negative integer"),
            ("batch_size=x", "invalid batch_size \"x\": must be non-negative integer"),
        ] {
            let fault = Asked::read(&Params::from_query(query), 0).expect_err(query);
            assert_eq!(fault, ApiError::bad_data(reason), "{query}");
        }
    }
}
