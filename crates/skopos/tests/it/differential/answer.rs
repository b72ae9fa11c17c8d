//! Questions, answers, and what makes two answers the same.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// Relative difference of values that is taken for rounding: 2.42 adds without compensation.
const TOLERANCE: f64 = 1e-6;
/// Differences below this are rounding too, where values cancel out.
const SMALLEST: f64 = 1e-7;

/// A query and when it is evaluated.
pub(crate) struct Asked {
    path: &'static str,
    parameters: Vec<(&'static str, String)>,
}

impl Asked {
    pub(crate) fn instant(query: String, time: i64) -> Self {
        Self {
            path: "/api/v1/query",
            parameters: vec![("query", query), ("time", time.to_string())],
        }
    }

    pub(crate) fn range(query: String, start: i64, end: i64, step: i64) -> Self {
        let times = [("start", start), ("end", end), ("step", step)];
        let times = times.map(|(name, value)| (name, value.to_string()));
        Self {
            path: "/api/v1/query_range",
            parameters: [("query", query)].into_iter().chain(times).collect(),
        }
    }

    pub(crate) async fn at(&self, url: &str) -> Answer {
        let request = reqwest::Client::new().post(format!("{url}{}", self.path));
        let answer = request.form(&self.parameters).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a body");
        let body = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{self}: {error}: {text}"));
        Answer { status, body }
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)?;
        self.parameters
            .iter()
            .try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

/// An answer of the API.
pub(crate) struct Answer {
    status: u16,
    body: Value,
}

/// Samples by time, as texts.
type Samples = BTreeMap<String, String>;

impl Answer {
    pub(crate) fn has_series(&self) -> bool {
        let result = self.body["data"]["result"].as_array();
        result.is_some_and(|result| !result.is_empty())
    }

    /// Status and type of an error, or type and samples of a result.
    pub(crate) fn same_as(&self, other: &Self) -> Result<(), String> {
        let same = |what: &str, ours: &Value, theirs: &Value| {
            if ours == theirs {
                return Ok(());
            }
            Err(format!(
                "{what}: {ours}, Prometheus {theirs}; {}, {}",
                self.error(),
                other.error()
            ))
        };
        same("status", &self.status.into(), &other.status.into())?;
        same("errorType", &self.body["errorType"], &other.body["errorType"])?;
        let (ours, theirs) = (&self.body["data"], &other.body["data"]);
        same("resultType", &ours["resultType"], &theirs["resultType"])?;
        same_series(&series(ours), &series(theirs))
    }

    fn error(&self) -> &str {
        self.body["error"].as_str().unwrap_or("no error")
    }
}

/// The samples of each series; a scalar is a series without labels.
fn series(data: &Value) -> BTreeMap<String, Samples> {
    if data["resultType"] == "scalar" {
        return BTreeMap::from([(String::new(), BTreeMap::from([sample(&data["result"])]))]);
    }
    let result = data["result"].as_array().into_iter().flatten();
    let of = |series: &Value| {
        let many = series["values"].as_array().into_iter().flatten();
        let one = series.get("value").into_iter();
        (series["metric"].to_string(), many.chain(one).map(sample).collect())
    };
    result.map(of).collect()
}

fn sample(pair: &Value) -> (String, String) {
    (pair[0].to_string(), pair[1].as_str().unwrap_or_default().to_owned())
}

fn same_series(ours: &BTreeMap<String, Samples>, theirs: &BTreeMap<String, Samples>) -> Result<(), String> {
    for (labels, samples) in theirs {
        let found = ours.get(labels).ok_or_else(|| format!("{labels} is missing"))?;
        for (time, value) in samples {
            match found.get(time) {
                Some(found) if same_value(found, value) => {}
                found => return Err(format!("{labels} at {time}: {found:?}, Prometheus {value}")),
            }
        }
        if let Some((time, value)) = found.iter().find(|(time, _)| !samples.contains_key(*time)) {
            return Err(format!("{labels} at {time}: {value}, Prometheus nothing"));
        }
    }
    match ours.keys().find(|labels| !theirs.contains_key(*labels)) {
        Some(labels) => Err(format!("{labels} is not in Prometheus' answer")),
        None => Ok(()),
    }
}

fn same_value(ours: &str, theirs: &str) -> bool {
    let (Ok(a), Ok(b)) = (ours.parse::<f64>(), theirs.parse::<f64>()) else {
        return ours == theirs;
    };
    let difference = (a - b).abs();
    a == b || (a.is_nan() && b.is_nan()) || difference <= TOLERANCE * a.abs().max(b.abs()) || difference <= SMALLEST
}
