//! Query parameters of the API.

use regex::Regex;
use skopos_alertmanager::view::{AlertFilter, SilenceFilter};
use skopos_alertmanager::{Matcher, ParserMode};

use super::error::ApiError;

/// What counts as true; anything else is false, and an empty value as if it were not given.
const TRUE: [&str; 10] = [
    "true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled",
];

/// The parameters of a request, in their order.
#[derive(Debug)]
pub(super) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    pub(super) fn read(query: Option<&str>) -> Self {
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        Self {
            pairs: pairs.into_owned().collect(),
        }
    }

    fn last(&self, name: &str) -> Option<&str> {
        let mut found = self.pairs.iter().rev().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.as_str())
    }

    fn flag(&self, name: &str) -> bool {
        self.last(name)
            .filter(|value| !value.is_empty())
            .is_none_or(|value| TRUE.contains(&value.to_ascii_lowercase().as_str()))
    }

    /// Conditions, one a parameter.
    pub(super) fn matchers(&self, name: &str, mode: ParserMode) -> Result<Vec<Matcher>, ApiError> {
        let values = self.pairs.iter().filter(|(key, _)| key == name);
        values
            .map(|(_, value)| match mode.parse_one(value) {
                Ok((matcher, _)) => Ok(matcher),
                Err(error) => Err(ApiError::bad_request(error.to_string())),
            })
            .collect()
    }

    /// Which alerts and groups are wanted.
    pub(super) fn alert_filter(&self, mode: ParserMode) -> Result<AlertFilter, ApiError> {
        Ok(AlertFilter {
            matchers: self.matchers("filter", mode)?,
            receiver: self.receiver()?,
            receiver_matchers: self.matchers("receiver_matchers", mode)?,
            active: self.flag("active"),
            silenced: self.flag("silenced"),
            inhibited: self.flag("inhibited"),
            muted: self.flag("muted"),
        })
    }

    /// Which silences are wanted.
    pub(super) fn silence_filter(&self, mode: ParserMode) -> Result<SilenceFilter, ApiError> {
        Ok(SilenceFilter {
            matchers: self.matchers("filter", mode)?,
            active: self.flag("active"),
            pending: self.flag("pending"),
            expired: self.flag("expired"),
        })
    }

    fn receiver(&self) -> Result<Option<Regex>, ApiError> {
        let Some(pattern) = self.last("receiver").filter(|pattern| !pattern.is_empty()) else {
            return Ok(None);
        };
        match skopos_core::re2::compile_anchored(pattern) {
            Ok(regex) => Ok(Some(regex)),
            Err(error) => Err(ApiError::bad_request(format!(
                "failed to parse receiver param: {error}"
            ))),
        }
    }
}
