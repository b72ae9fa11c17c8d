//! The silences that a proof is held against: an export of `skopos silence export` or amtool, or those of a running
//! Alertmanager.

use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;
use skopos_alertmanager::Matcher;
use skopos_alertmanager::machine::StoredMatcher;
use skopos_alertmanager::silence::Silence;

use crate::cli::query::ServerArgs;
use crate::query::api;

const PATH: &str = "/api/v2/silences";

/// A silence as Alertmanager's API v2 and amtool write it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exported {
    #[serde(default)]
    id: String,
    matchers: Vec<StoredMatcher>,
    starts_at: String,
    ends_at: String,
    #[serde(default)]
    created_by: String,
    #[serde(default)]
    comment: String,
}

/// Reads the silences of a file, or of the Alertmanager at a URL, asked as the file of `--http.config.file` says.
pub(super) fn read(place: &str, http_config: Option<&Path>) -> anyhow::Result<Vec<Silence>> {
    let exported = if place.starts_with("http://") || place.starts_with("https://") {
        crate::set_up_tls()?;
        let server = ServerArgs {
            server: place.trim_end_matches('/').trim_end_matches(PATH).to_owned(),
            http_config: http_config.map(Path::to_path_buf),
            tenant: None,
            json: true,
        };
        let answer = crate::runtime()?.block_on(api::get(&server, PATH, &[]));
        serde_json::from_value(answer.with_context(|| format!("failed to ask {place} for silences"))?)
    } else {
        let text = std::fs::read_to_string(place).with_context(|| format!("failed to read {place}"))?;
        serde_json::from_str(&text)
    };
    exported.map_err(anyhow::Error::from).and_then(silences).with_context(|| {
        format!(
            "{place} holds no silences\nMake such a file with `skopos silence export` or `amtool silence query -o json`, or name an Alertmanager."
        )
    })
}

fn silences(exported: Vec<Exported>) -> anyhow::Result<Vec<Silence>> {
    exported.into_iter().map(silence).collect()
}

fn silence(exported: Exported) -> anyhow::Result<Silence> {
    let matchers = exported.matchers.into_iter().map(Matcher::try_from);
    let matchers: Result<Vec<Matcher>, _> = matchers.collect();
    let starts_at_ms = time_ms(&exported.starts_at)?;
    Ok(Silence {
        matchers: matchers.with_context(|| format!("silence {:?}", exported.id))?,
        starts_at_ms,
        ends_at_ms: time_ms(&exported.ends_at)?,
        updated_at_ms: starts_at_ms,
        id: exported.id,
        created_by: exported.created_by,
        comment: exported.comment,
        annotations: Vec::new(),
    })
}

fn time_ms(text: &str) -> anyhow::Result<i64> {
    let time: jiff::Timestamp = text.parse().with_context(|| format!("{text:?} is no time"))?;
    Ok(time.as_millisecond())
}

#[cfg(test)]
mod tests {
    use skopos_alertmanager::MatchOp;

    use super::*;

    const EXPORT: &str = r#"[{"id":"a-1","status":{"state":"active"},"updatedAt":"2026-01-01T00:00:00.000Z",
        "comment":"moving","createdBy":"ada","startsAt":"2026-01-01T00:00:00.000Z","endsAt":"2026-01-02T01:00:00+01:00",
        "matchers":[{"name":"alertname","value":"Down","isRegex":false,"isEqual":true},
                    {"name":"env","value":"dev|test","isRegex":true,"isEqual":false},
                    {"name":"old","value":"x","isRegex":false}]}]"#;

    fn parse(text: &str) -> anyhow::Result<Vec<Silence>> {
        silences(serde_json::from_str(text)?)
    }

    #[test]
    fn an_export_of_amtool() {
        let silences = parse(EXPORT).expect("the export is valid");
        let [silence] = silences.as_slice() else {
            panic!("{silences:?}");
        };
        let ops: Vec<MatchOp> = silence.matchers.iter().map(Matcher::op).collect();
        assert_eq!(ops, [MatchOp::Equal, MatchOp::NotRegex, MatchOp::Equal]);
        assert_eq!(silence.ends_at_ms - silence.starts_at_ms, 86_400_000);
        assert_eq!(
            (silence.created_by.as_str(), silence.comment.as_str()),
            ("ada", "moving")
        );
    }

    #[test]
    fn what_is_no_export() {
        assert!(parse("{}").is_err());
        assert!(parse(&EXPORT.replace("dev|test", "(")).is_err());
        assert!(parse(&EXPORT.replace("2026-01-02T01:00:00+01:00", "soon")).is_err());
    }
}
