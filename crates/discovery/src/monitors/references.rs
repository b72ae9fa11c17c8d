//! What endpoints refer to by name and key: Secrets and ConfigMaps among the objects.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

/// A key of a Secret or ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct KeyOf {
    name: String,
    key: String,
}

/// A key of one or the other.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeyOfEither {
    secret: Option<KeyOf>,
    config_map: Option<KeyOf>,
}

/// The texts of all Secrets and ConfigMaps.
#[derive(Default)]
pub(super) struct References {
    /// By kind, namespace, name and key.
    texts: BTreeMap<(String, String, String, String), String>,
}

impl References {
    pub(super) fn of(objects: &[Value]) -> Self {
        let mut texts = BTreeMap::new();
        for object in objects {
            let kind = object["kind"].as_str().unwrap_or_default();
            if !matches!(kind, "Secret" | "ConfigMap") {
                continue;
            }
            let namespace = object["metadata"]["namespace"].as_str().unwrap_or("default");
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            for (field, is_encoded) in [("data", kind == "Secret"), ("stringData", false)] {
                for (key, value) in object[field].as_object().into_iter().flatten() {
                    let Some(value) = value.as_str() else { continue };
                    let text = if is_encoded {
                        STANDARD
                            .decode(value)
                            .ok()
                            .and_then(|bytes| String::from_utf8(bytes).ok())
                    } else {
                        Some(value.to_owned())
                    };
                    let place = (kind.to_owned(), namespace.to_owned(), name.to_owned(), key.clone());
                    texts.extend(text.map(|text| (place, text)));
                }
            }
        }
        Self { texts }
    }

    /// The text of a Secret's key.
    pub(super) fn secret(&self, namespace: &str, key: &KeyOf) -> Result<&str, String> {
        self.text("Secret", namespace, key)
    }

    /// The text of a key of either.
    pub(super) fn either(&self, namespace: &str, key: &KeyOfEither) -> Result<Option<&str>, String> {
        match (&key.secret, &key.config_map) {
            (Some(key), _) => self.text("Secret", namespace, key).map(Some),
            (None, Some(key)) => self.text("ConfigMap", namespace, key).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn text(&self, kind: &str, namespace: &str, key: &KeyOf) -> Result<&str, String> {
        let place = (kind.to_owned(), namespace.to_owned(), key.name.clone(), key.key.clone());
        self.texts.get(&place).map(String::as_str).ok_or_else(|| {
            format!(
                "{kind} {namespace}/{} with key {:?} is not among the objects read: put it beside the monitor",
                key.name, key.key
            )
        })
    }
}
