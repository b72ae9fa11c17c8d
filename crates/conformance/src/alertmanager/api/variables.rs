//! `${now}`, `${now+SECONDS}` and what earlier answers gave.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

/// Saved values by name.
#[derive(Debug, Default)]
pub(super) struct Variables {
    saved: BTreeMap<String, String>,
}

impl Variables {
    pub(super) fn save(&mut self, name: &str, value: &Value) {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        self.saved.insert(name.to_owned(), text);
    }

    /// The text with each `${…}` replaced.
    pub(super) fn fill(&self, text: &str, now_ms: i64) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, behind) = after
                .split_once('}')
                .ok_or_else(|| format!("an open ${{ in {text:?}"))?;
            out.push_str(before);
            out.push_str(&self.value(name, now_ms)?);
            rest = behind;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn value(&self, name: &str, now_ms: i64) -> Result<String, String> {
        if let Some(value) = self.saved.get(name) {
            return Ok(value.clone());
        }
        let offset = name
            .strip_prefix("now")
            .ok_or_else(|| format!("nothing is saved as {name:?}"))?;
        let seconds: f64 = match offset.trim_start_matches('+') {
            "" => 0.0,
            seconds => seconds.parse().map_err(|error| format!("{name:?}: {error}"))?,
        };
        let time = Timestamp::from_millisecond(now_ms + (seconds * 1000.0).round() as i64);
        time.map(|time| time.to_string()).map_err(|error| error.to_string())
    }

    /// The value with all texts in it replaced.
    pub(super) fn fill_value(&self, value: &Value, now_ms: i64) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => Value::String(self.fill(text, now_ms)?),
            Value::Array(items) => {
                let items: Result<Vec<Value>, String> =
                    items.iter().map(|item| self.fill_value(item, now_ms)).collect();
                Value::Array(items?)
            }
            Value::Object(object) => {
                let pairs = object
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), self.fill_value(value, now_ms)?)));
                let pairs: Result<_, String> = pairs.collect();
                Value::Object(pairs?)
            }
            other => other.clone(),
        })
    }
}
