//! The building of JSON objects whose empty texts are left out.

use serde_json::{Map, Value as Json};

use crate::template::{Rendering, TemplateError};

/// An object under construction.
pub(super) struct Body<'a> {
    rendering: &'a Rendering<'a>,
    entries: Map<String, Json>,
}

impl<'a> Body<'a> {
    pub(super) fn new(rendering: &'a Rendering<'a>) -> Self {
        Self {
            rendering,
            entries: Map::new(),
        }
    }

    /// Any value.
    pub(super) fn set(&mut self, name: &str, value: impl Into<Json>) -> &mut Self {
        self.entries.insert(name.to_owned(), value.into());
        self
    }

    /// A value, unless it is empty, zero or false.
    pub(super) fn set_unless_empty(&mut self, name: &str, value: impl Into<Json>) -> &mut Self {
        let value = value.into();
        let is_empty = match &value {
            Json::Null | Json::Bool(false) => true,
            Json::String(text) => text.is_empty(),
            Json::Array(items) => items.is_empty(),
            Json::Object(entries) => entries.is_empty(),
            Json::Number(number) => number.as_i64() == Some(0),
            Json::Bool(true) => false,
        };
        if !is_empty {
            self.entries.insert(name.to_owned(), value);
        }
        self
    }

    /// A template's text.
    pub(super) fn text(&mut self, name: &str, template: &str) -> Result<&mut Self, TemplateError> {
        let text = self.rendering.text(name, template)?;
        Ok(self.set(name, text))
    }

    /// A template's text, unless it is empty.
    pub(super) fn text_unless_empty(&mut self, name: &str, template: &str) -> Result<&mut Self, TemplateError> {
        let text = self.rendering.text(name, template)?;
        Ok(self.set_unless_empty(name, text))
    }

    pub(super) fn into_json(self) -> Json {
        Json::Object(self.entries)
    }
}

/// The text under `name`; empty where there is none.
pub(super) fn text<'a>(body: &'a Json, name: &str) -> &'a str {
    body.get(name).and_then(Json::as_str).unwrap_or_default()
}
