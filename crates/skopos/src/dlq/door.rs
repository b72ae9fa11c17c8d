//! Who answers: a server over HTTP, or this process from the bus itself. Both say the same.

use anyhow::Context as _;
use serde_json::Value;
use skopos_server::{DeadLettersCall, DeadLettersView as _, LetterFilter, LetterWork};

use crate::cli::dlq::DlqDoor;
use crate::cli::query::ServerArgs;
use crate::dead_letters::Desk;
use crate::query::api;

const DLQ: &str = "/api/skopos/dlq";

/// Where questions go.
pub(super) enum Door {
    Server(ServerArgs),
    Bus { desk: Box<Desk>, is_json: bool },
}

impl Door {
    pub(super) fn open(args: &DlqDoor) -> anyhow::Result<Self> {
        match &args.bus {
            None => Ok(Self::of_server(&args.server)),
            Some(address) => Ok(Self::Bus {
                desk: Box::new(Desk::open(address)?),
                is_json: args.server.json,
            }),
        }
    }

    pub(super) fn of_server(server: &ServerArgs) -> Self {
        Self::Server(server.clone())
    }

    /// Whether JSON is to be printed.
    pub(super) fn is_json(&self) -> bool {
        match self {
            Self::Server(server) => server.json,
            Self::Bus { is_json, .. } => *is_json,
        }
    }

    /// Where the page is, if a server answers.
    pub(super) fn url(&self) -> Option<&str> {
        match self {
            Self::Server(server) => Some(server.server.trim_end_matches('/')),
            Self::Bus { .. } => None,
        }
    }

    pub(super) async fn ask(&self, call: DeadLettersCall) -> anyhow::Result<Value> {
        match self {
            Self::Server(server) => ask_server(server, call).await,
            Self::Bus { desk, .. } => Ok(desk.answer(call).await?),
        }
    }
}

async fn ask_server(server: &ServerArgs, call: DeadLettersCall) -> anyhow::Result<Value> {
    let below = |parts: &[&str]| api::path(DLQ, parts);
    match call {
        DeadLettersCall::List(filter) => api::get(server, DLQ, &parameters(&filter)).await,
        DeadLettersCall::Show(id) => {
            let parts: Vec<&str> = id.split('/').collect();
            api::get(server, &below(&parts), &[]).await
        }
        DeadLettersCall::Counts => api::get(server, &below(&["counts"]), &[]).await,
        DeadLettersCall::Replay(work) => post(server, &below(&["replay"]), &work).await,
        DeadLettersCall::Discard(work) => post(server, &below(&["discard"]), &work).await,
        DeadLettersCall::Jobs => api::get(server, &below(&["jobs"]), &[]).await,
        DeadLettersCall::Job(id) => api::get(server, &below(&["jobs", &id.to_string()]), &[]).await,
        DeadLettersCall::Cancel(id) => {
            let path = below(&["jobs", &id.to_string()]);
            api::delete(server, &path).await?;
            api::get(server, &path, &[]).await
        }
    }
}

async fn post(server: &ServerArgs, path: &str, work: &LetterWork) -> anyhow::Result<Value> {
    let body = serde_json::to_value(work).context("failed to write the request")?;
    api::post(server, path, &body).await
}

/// A filter as a URL says it.
fn parameters(filter: &LetterFilter) -> Vec<(&'static str, String)> {
    // Taken apart, so that a field that is added cannot be forgotten here.
    let LetterFilter {
        topic,
        error_type,
        group,
        trace_id,
        text,
        since,
        until,
        state,
        limit,
        offset,
    } = filter.clone();
    let number = |value: Option<usize>| value.map(|value| value.to_string());
    let all = [
        ("topic", topic),
        ("error_type", error_type),
        ("group", group),
        ("trace_id", trace_id),
        ("text", text),
        ("since", since),
        ("until", until),
        ("state", state),
        ("limit", number(limit)),
        ("offset", number(offset)),
    ];
    all.into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_filter_is_asked_for() {
        let filter = LetterFilter {
            topic: Some("orders".to_owned()),
            error_type: Some("decode".to_owned()),
            group: Some("g".to_owned()),
            trace_id: Some("t".to_owned()),
            text: Some("x".to_owned()),
            since: Some("1h".to_owned()),
            until: Some("1m".to_owned()),
            state: Some("all".to_owned()),
            limit: Some(5),
            offset: Some(10),
        };
        let asked = parameters(&filter);
        assert_eq!(asked.len(), 10);
        assert!(asked.contains(&("error_type", "decode".to_owned())) && asked.contains(&("offset", "10".to_owned())));
        assert_eq!(parameters(&LetterFilter::default()), []);
    }
}
