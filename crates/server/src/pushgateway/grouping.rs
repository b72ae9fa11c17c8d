//! The grouping labels in the path of a push: `/metrics/job/<JOB>{/<LABEL>/<VALUE>}`, each value in
//! plain text or, where its name ends in `@base64`, in the URL's alphabet of base64.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;
use skopos_core::labels::is_legacy_label_name;
use skopos_core::{Labels, LabelsBuilder};

const PREFIX: &str = "/metrics/";
const BASE64: &str = "@base64";
const JOB: &str = "job";

/// Reads the labels from a path as it was sent, escapes and all: a value may hold an escaped slash.
pub(super) fn of_path(path: &str) -> Result<Labels, String> {
    let path = path.strip_prefix(PREFIX).unwrap_or(path);
    let parts: Vec<&str> = path.strip_suffix('/').unwrap_or(path).split('/').collect();
    let (pairs, rest) = parts.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(format!("odd number of components in label string {path:?}"));
    }
    let mut labels = LabelsBuilder::new();
    for [name, value] in pairs {
        let name = decoded(name)?;
        let value = decoded(value)?;
        let (name, value) = match name.strip_suffix(BASE64) {
            Some(name) => (name, from_base64(&value)?),
            None => (name.as_str(), value),
        };
        if !is_legacy_label_name(name) || name.starts_with("__") {
            return Err(format!("improper label name {name:?}"));
        }
        if !labels.get(name).is_empty() {
            return Err(format!("label name {name:?} occurs twice"));
        }
        labels.set(name, &value);
    }
    if labels.get(JOB).is_empty() {
        return Err("job name is required, but was empty".to_owned());
    }
    Ok(labels.build())
}

fn decoded(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| format!("path component {text:?} is not UTF-8"))
}

/// An empty value is written as `=`.
fn from_base64(text: &str) -> Result<String, String> {
    let bytes = URL_SAFE_NO_PAD
        .decode(text.trim_end_matches('='))
        .map_err(|error| format!("invalid base64 encoding in label value {text:?}: {error}"))?;
    String::from_utf8(bytes).map_err(|_| format!("label value {text:?} is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_by_the_pushgateway() {
        for (path, wanted) in [
            ("/metrics/job/a", &[("job", "a")][..]),
            ("/metrics/job/a/instance/b%2Fc/", &[("job", "a"), ("instance", "b/c")]),
            ("/metrics/job@base64/L3Zhci90bXA", &[("job", "/var/tmp")]),
            ("/metrics/job@base64/L3Zhci90bXA=/x@base64/=", &[("job", "/var/tmp")]),
            ("/metrics/job/t%C3%A9", &[("job", "té")]),
        ] {
            assert_eq!(of_path(path), Ok(wanted.iter().copied().collect()), "{path}");
        }
        for (path, words) in [
            ("/metrics/job/a/b", "odd number"),
            ("/metrics/job/a/b-c/d", "improper label name"),
            ("/metrics/job/a/__x/d", "improper label name"),
            ("/metrics/job/a/job/b", "occurs twice"),
            ("/metrics/job@base64/=", "job name is required"),
            ("/metrics/job@base64/%3F", "invalid base64"),
            ("/metrics/job/%FF", "not UTF-8"),
        ] {
            let error = of_path(path).expect_err(path);
            assert!(error.contains(words), "{path}: {error}");
        }
    }
}
