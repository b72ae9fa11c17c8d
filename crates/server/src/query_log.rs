//! The query log: one JSON object for each PromQL query, in the file that `query_log_file` of the
//! configuration names, under the names that Prometheus' query log has.

use std::convert::Infallible;
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Instant;

use axum::extract::{ConnectInfo, FromRequestParts, OriginalUri};
use axum::http::Method;
use axum::http::request::Parts;
use parking_lot::Mutex;
use serde_json::{Value, json};
use skopos_config::LineLog;
use skopos_core::QueryBudget;
use skopos_promql::{EvalError, QueryOutput};

use crate::query_stats::stats_json;

/// The log; it writes nothing until it has a file.
#[derive(Debug, Default)]
pub struct QueryLog {
    open: Mutex<Option<LineLog>>,
}

impl QueryLog {
    /// Writes to `path` from now on, or to nothing. The file is opened anew each time, so that it may
    /// be moved away before a reload.
    pub fn set_file(&self, path: Option<&Path>) -> std::io::Result<()> {
        *self.open.lock() = path.map(LineLog::open).transpose()?;
        Ok(())
    }

    /// Whether there is a file.
    pub fn is_on(&self) -> bool {
        self.open.lock().is_some()
    }

    /// Writes what a rule asked.
    pub fn write_rule(&self, asked: &RuleQueryDone<'_>) {
        let stats = asked
            .outcome
            .map(|output| stats_json(output, asked.budget, asked.started, asked.started));
        let seconds = asked.time_ms as f64 / 1000.0;
        self.write(&LoggedQuery {
            query: asked.query,
            seconds: [seconds, seconds, 0.0],
            outcome: stats.as_ref().map_err(|error| *error as _),
            now_ms: asked.now_ms,
            origin: Origin::Rule {
                file: asked.file,
                group: asked.group,
            },
        });
    }

    pub(crate) fn write(&self, query: &LoggedQuery<'_>) {
        self.write_line(&query.line());
    }

    /// A line that cannot be written is told in the program's own log.
    fn write_line(&self, line: &Value) {
        if let Some(log) = &*self.open.lock()
            && let Err(error) = log.write(line)
        {
            tracing::error!(path = %log.path().display(), %error, "failed to write the query log");
        }
    }
}

/// A query of a rule that was evaluated.
#[derive(Debug, Clone, Copy)]
pub struct RuleQueryDone<'a> {
    /// The file of the rule's group.
    pub file: &'a str,
    /// The name of the group.
    pub group: &'a str,
    /// The query.
    pub query: &'a str,
    /// The time it was evaluated for, in Unix milliseconds.
    pub time_ms: i64,
    /// What came of it.
    pub outcome: Result<&'a QueryOutput, &'a EvalError>,
    /// What it was allowed and used.
    pub budget: &'a QueryBudget,
    /// When it began.
    pub started: Instant,
    /// The time now, in Unix milliseconds.
    pub now_ms: i64,
}

/// What a line says.
pub(crate) struct LoggedQuery<'a> {
    pub(crate) query: &'a str,
    /// Start, end and step; the step of an instant is 0.
    pub(crate) seconds: [f64; 3],
    /// The statistics, or why there is no result.
    pub(crate) outcome: Result<&'a Value, &'a dyn Display>,
    pub(crate) now_ms: i64,
    pub(crate) origin: Origin<'a>,
}

/// Who asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Origin<'a> {
    /// A rule of the group of this name in this file.
    Rule { file: &'a str, group: &'a str },
    /// A request.
    Http(&'a HttpOrigin),
}

/// A request that asked, as far as the log tells of it.
#[derive(Debug, Clone)]
pub(crate) struct HttpOrigin {
    client_ip: Option<IpAddr>,
    method: Method,
    path: String,
}

impl<S: Sync> FromRequestParts<S> for HttpOrigin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let whole = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |uri| &uri.0);
        Ok(Self {
            client_ip: peer.map(|peer| peer.0.ip().to_canonical()),
            method: parts.method.clone(),
            path: whole.path().to_owned(),
        })
    }
}

impl LoggedQuery<'_> {
    fn line(&self) -> Value {
        let rfc3339 = |seconds: f64| crate::time::rfc3339(Some((seconds * 1000.0) as i64));
        let [start, end, step] = self.seconds;
        let mut line = json!({
            "params": { "query": self.query, "start": rfc3339(start), "end": rfc3339(end), "step": step },
            "ts": crate::time::rfc3339(Some(self.now_ms)),
        });
        match self.outcome {
            Ok(stats) => line["stats"] = stats.clone(),
            Err(error) => line["error"] = Value::from(error.to_string()),
        }
        match self.origin {
            Origin::Rule { file, group } => line["ruleGroup"] = json!({ "file": file, "name": group }),
            Origin::Http(HttpOrigin {
                client_ip,
                method,
                path,
            }) => {
                let client_ip = client_ip.map(|ip| ip.to_string()).unwrap_or_default();
                line["httpRequest"] = json!({ "clientIP": client_ip, "method": method.as_str(), "path": path });
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_to_the_file_of_the_moment() {
        let folder = tempfile::tempdir().expect("a folder");
        let (first, second) = (folder.path().join("a.log"), folder.path().join("b.log"));
        let log = QueryLog::default();
        assert!(!log.is_on());
        log.write_line(&serde_json::json!({ "lost": true }));
        for path in [&first, &second] {
            log.set_file(Some(path)).expect("opened");
            log.write_line(&serde_json::json!({ "ts": 1 }));
        }
        log.set_file(None).expect("closed");
        log.write_line(&serde_json::json!({ "lost": true }));
        for path in [first, second] {
            assert_eq!(std::fs::read_to_string(path).expect("written"), "{\"ts\":1}\n");
        }
        assert!(log.set_file(Some(&folder.path().join("none/c.log"))).is_err());
    }
}
