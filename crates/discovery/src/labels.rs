//! Labels of a target, and names made from what others call things.

use std::collections::BTreeMap;

use skopos_config::TargetGroup;

/// Labels in the making.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TargetLabels {
    labels: BTreeMap<String, String>,
}

impl TargetLabels {
    /// Sets a label; an empty value is none.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        let value = value.into();
        if !value.is_empty() {
            self.labels.insert(name.to_owned(), value);
        }
        self
    }

    /// Sets a label where there is a value.
    pub(crate) fn set_some<V: Into<String>>(&mut self, name: &str, value: Option<V>) -> &mut Self {
        if let Some(value) = value {
            self.set(name, value);
        }
        self
    }

    /// Sets `prefix` + key for each pair.
    pub(crate) fn set_each<'a>(
        &mut self,
        prefix: &str,
        pairs: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) -> &mut Self {
        for (key, value) in pairs {
            self.set(&format!("{prefix}{}", sanitized(key)), value.as_str());
        }
        self
    }

    /// The target at an address.
    pub(crate) fn at(self, address: String) -> TargetGroup {
        TargetGroup {
            targets: vec![address],
            labels: self.labels,
        }
    }
}

/// A name as a label's: all but letters, digits and underscores becomes an underscore.
pub(crate) fn sanitized(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
    name.chars().map(plain).collect()
}

/// `host:port`, with brackets around an IPv6 address.
pub(crate) fn host_port(host: &str, port: impl std::fmt::Display) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// A list as one value, with the separator also at both ends, so that a pattern can match one item.
pub(crate) fn joined<'a>(items: impl IntoIterator<Item = &'a str>, separator: &str) -> String {
    let mut text = String::from(separator);
    for item in items {
        text.push_str(item);
        text.push_str(separator);
    }
    text
}
