//! Reading one variable: flags, numbers, durations, lists and secrets. A value that cannot be meant is an error that
//! names variable, value and what would be right; secrets are named without their value.

use std::fmt;
use std::time::Duration;

use crate::SetupError;

/// Shown in place of a secret's value.
const HIDDEN: &str = "(hidden)";

/// A value that logs, errors and `Debug` never show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the request that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Where variables come from, with blank values taken as unset (OpenTelemetry, "Parsing empty value").
pub(crate) struct Variables<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
}

impl<'a> Variables<'a> {
    pub(crate) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup }
    }

    /// The value without surrounding space.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let value = (self.lookup)(name)?;
        let trimmed = value.trim();
        (!trimmed.is_empty()).then(|| trimmed.to_owned())
    }

    /// The first of several names that is set, with its name.
    pub(crate) fn first<'n>(&self, names: &[&'n str]) -> Option<(&'n str, String)> {
        names.iter().find_map(|name| self.get(name).map(|value| (*name, value)))
    }

    /// `true` or `false` in any case, also 1 and 0, yes and no, on and off.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, SetupError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(Some(true)),
            "false" | "0" | "no" | "off" => Ok(Some(false)),
            _ => Err(wrong(name, value, "true or false")),
        }
    }

    /// A flag of the OpenTelemetry specification, where only `true` is true: `1` is refused rather than taken for false.
    pub(crate) fn strict_flag(&self, name: &str) -> Result<Option<bool>, SetupError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.to_ascii_lowercase().as_str() {
            "true" => Ok(Some(true)),
            "false" => Ok(Some(false)),
            _ => Err(wrong(name, value, "true or false, spelled out")),
        }
    }

    /// A whole number above 0.
    pub(crate) fn count(&self, name: &str) -> Result<Option<usize>, SetupError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.parse() {
            Ok(number) if number > 0 => Ok(Some(number)),
            _ => Err(wrong(name, value, "a whole number above 0")),
        }
    }

    /// A whole number, 0 included.
    pub(crate) fn limit(&self, name: &str) -> Result<Option<u32>, SetupError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(wrong(name, value, "a whole number from 0")),
        }
    }

    /// A TCP port.
    pub(crate) fn port(&self, name: &str) -> Result<Option<u16>, SetupError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.parse() {
            Ok(port) => Ok(Some(port)),
            Err(_) => Err(wrong(name, value, "a port from 0 to 65535; 0 takes any free one")),
        }
    }

    /// Milliseconds, as all durations of the specification are.
    pub(crate) fn milliseconds(&self, name: &str) -> Result<Option<Duration>, SetupError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.parse() {
            Ok(milliseconds) => Ok(Some(Duration::from_millis(milliseconds))),
            Err(_) => Err(wrong(name, value, "milliseconds as a whole number")),
        }
    }

    /// A share from 0 to 1.
    pub(crate) fn share(&self, name: &str) -> Result<Option<f64>, SetupError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.parse::<f64>() {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(Some(share)),
            _ => Err(wrong(name, value, "a number from 0 to 1")),
        }
    }

    /// One of several words, in any case.
    pub(crate) fn choice<T: Copy>(
        &self,
        name: &str,
        choices: &[(&str, T)],
        expected: &'static str,
    ) -> Result<Option<T>, SetupError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        find(choices, &value)
            .map(Some)
            .ok_or_else(|| wrong(name, value, expected))
    }

    /// Several words joined by commas, in any case, each once.
    pub(crate) fn choices<T: Copy + PartialEq>(
        &self,
        name: &str,
        choices: &[(&str, T)],
        expected: &'static str,
    ) -> Result<Option<Vec<T>>, SetupError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let mut found = Vec::new();
        for word in value.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let choice = find(choices, word).ok_or_else(|| wrong(name, value.clone(), expected))?;
            if !found.contains(&choice) {
                found.push(choice);
            }
        }
        Ok(Some(found))
    }

    /// An `http` or `https` URL.
    pub(crate) fn url(&self, names: &[&str]) -> Result<Option<String>, SetupError> {
        let Some((name, value)) = self.first(names) else {
            return Ok(None);
        };
        let authority = value
            .split_once("://")
            .map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
        match authority {
            Some((scheme, rest)) if matches!(scheme.as_str(), "http" | "https") && !rest.starts_with(['/', ':']) => {
                match value.parse::<http::Uri>() {
                    Ok(uri) if uri.host().is_some_and(|host| !host.is_empty()) => Ok(Some(value)),
                    _ => Err(wrong(name, value, "a URL such as http://localhost:4318")),
                }
            }
            _ => Err(wrong(
                name,
                value,
                "a URL with its scheme, for example http://localhost:4318",
            )),
        }
    }

    /// `key=value` pairs joined by commas with percent-encoded values, as in `OTEL_EXPORTER_OTLP_HEADERS` and
    /// `OTEL_RESOURCE_ATTRIBUTES`.
    pub(crate) fn pairs(&self, name: &str, expected: &'static str) -> Result<Vec<(String, String)>, SetupError> {
        let Some(value) = self.get(name) else {
            return Ok(Vec::new());
        };
        // The list may hold credentials, so an error does not show it.
        let fault = || wrong(name, HIDDEN.to_owned(), expected);
        let mut pairs = Vec::new();
        for member in value.split(',').map(str::trim).filter(|member| !member.is_empty()) {
            let (key, text) = member.split_once('=').ok_or_else(fault)?;
            let text = percent_encoding::percent_decode_str(text.trim())
                .decode_utf8()
                .map_err(|_| fault())?;
            let key = key.trim();
            if key.is_empty() {
                return Err(fault());
            }
            pairs.push((key.to_owned(), text.into_owned()));
        }
        Ok(pairs)
    }
}

fn find<T: Copy>(choices: &[(&str, T)], word: &str) -> Option<T> {
    choices
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(word))
        .map(|(_, choice)| *choice)
}

pub(crate) fn wrong(name: &str, value: impl Into<String>, expected: &'static str) -> SetupError {
    SetupError::Setting {
        name: name.to_owned(),
        value: value.into(),
        expected,
    }
}
