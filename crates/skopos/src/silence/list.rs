//! `skopos silence list`, and which silences a filter means.

use serde_json::Value;
use skopos_alertmanager::machine::StoredMatcher;
use skopos_alertmanager::{Matcher, Matchers};
use skopos_core::{Clock as _, SystemClock};

use super::SILENCES;
use crate::alerts::matchers;
use crate::cli::query::ServerArgs;
use crate::cli::silence::{SilenceFilter, SilenceListArgs};
use crate::query::api::{self, show_time_ms};
use crate::query::table;

const EXPIRED: &str = "expired";

/// Asks and prints.
pub(super) async fn run(args: &SilenceListArgs) -> anyhow::Result<()> {
    let found = find(&args.server, &args.filter).await?;
    if args.quiet {
        for silence in &found {
            table::print_line(text(&silence["id"]));
        }
    } else if args.server.json {
        table::print_json(&Value::from(found));
    } else if found.is_empty() {
        table::print_line("no such silences");
    } else {
        let rows: Vec<Vec<String>> = found.iter().map(row).collect();
        table::print(&["id", "state", "ends", "by", "matchers", "comment"], &rows);
    }
    Ok(())
}

/// The silences that a filter means, as the API gives them.
pub(super) async fn find(server: &ServerArgs, filter: &SilenceFilter) -> anyhow::Result<Vec<Value>> {
    let matchers = matchers::read(&filter.matchers)?;
    let parameters: Vec<(&str, String)> = matchers.iter().map(|matcher| ("filter", matcher.to_string())).collect();
    let within = filter
        .within
        .as_deref()
        .map(skopos_config::parse_duration)
        .transpose()?;
    let within_ms = within.map(|within| within.as_millis() as i64);
    let answer = api::get(server, SILENCES, &parameters).await?;
    let Value::Array(mut silences) = answer else {
        anyhow::bail!("the server's answer is no list of silences");
    };
    let now_ms = SystemClock.now_ms();
    silences.retain(|silence| is_meant(silence, filter, within_ms, now_ms));
    Ok(silences)
}

fn is_meant(silence: &Value, filter: &SilenceFilter, within_ms: Option<i64>, now_ms: i64) -> bool {
    let is_expired = silence["status"]["state"] == EXPIRED;
    let author = filter.created_by.as_deref();
    let is_soon = within_ms.is_none_or(|within_ms| {
        let ends_ms = api::instant_ms(text(&silence["endsAt"])).unwrap_or_default();
        (now_ms - ends_ms).abs() <= within_ms
    });
    is_expired == filter.expired
        && is_soon
        && author.is_none_or(|author| silence["createdBy"] == author)
        && (filter.ids.is_empty() || filter.ids.iter().any(|id| silence["id"] == id.as_str()))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn row(silence: &Value) -> Vec<String> {
    let ends = api::instant_ms(text(&silence["endsAt"])).map_or_else(|_| String::new(), show_time_ms);
    vec![
        text(&silence["id"]).to_owned(),
        text(&silence["status"]["state"]).to_owned(),
        ends,
        text(&silence["createdBy"]).to_owned(),
        matchers_of(silence),
        text(&silence["comment"]).to_owned(),
    ]
}

/// The matchers in words; as JSON where they cannot be read.
fn matchers_of(silence: &Value) -> String {
    let stored: Option<Vec<StoredMatcher>> = serde_json::from_value(silence["matchers"].clone()).ok();
    let matchers: Option<Matchers> = stored.and_then(|stored| {
        stored
            .into_iter()
            .map(|matcher| Matcher::try_from(matcher).ok())
            .collect()
    });
    match matchers {
        Some(matchers) => matchers.to_string(),
        None => silence["matchers"].to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn filters_mean_what_they_say() {
        let silence = json!({
            "id": "one", "status": {"state": "active"}, "endsAt": "1970-01-01T01:00:00Z", "createdBy": "me",
            "comment": "why", "matchers": [{"name": "a", "value": "b", "isRegex": true, "isEqual": false}],
        });
        let all = SilenceFilter {
            matchers: Vec::new(),
            expired: false,
            within: None,
            created_by: None,
            ids: Vec::new(),
        };
        assert!(is_meant(&silence, &all, None, 0));
        assert!(is_meant(&silence, &all, Some(3_600_000), 0));
        assert!(!is_meant(&silence, &all, Some(3_599_999), 0));
        let expired = SilenceFilter {
            expired: true,
            ..all.clone()
        };
        assert!(!is_meant(&silence, &expired, None, 0));
        let other = SilenceFilter {
            created_by: Some("you".to_owned()),
            ..all.clone()
        };
        assert!(!is_meant(&silence, &other, None, 0));
        let by_id = SilenceFilter {
            ids: vec!["two".to_owned()],
            ..all
        };
        assert!(!is_meant(&silence, &by_id, None, 0));
        assert_eq!(matchers_of(&silence), r#"{a!~"b"}"#);
    }
}
