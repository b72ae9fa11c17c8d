//! One dashboard: what lists and links need, and the document.

use std::path::Path;

use serde_json::Value;

use crate::check;
use crate::queries::QueryCheck;

/// A dashboard.
#[derive(Debug, Clone)]
pub struct Dashboard {
    /// Its unique id; the file's name where the document has none.
    pub uid: String,
    /// Its title.
    pub title: String,
    /// The folder it is shown in.
    pub folder: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// The file it came from.
    pub file: String,
    /// Grafana's version of the format, where the document says it.
    pub schema_version: Option<u64>,
    /// Number of panels, rows not counted.
    pub panels: usize,
    /// Grafana's JSON as it came, without the envelope of an API export.
    pub json: Value,
    /// What of it cannot be shown, and what to do.
    pub warnings: Vec<String>,
}

impl Dashboard {
    /// Reads a document. `None` if it is JSON but no dashboard.
    pub(crate) fn read(document: Value, folder: &str, file: &Path, check: QueryCheck<'_>) -> Option<Self> {
        let json = unwrap_envelope(document);
        let title = json.get("title")?.as_str()?.to_owned();
        if !json.get("panels").is_some_and(Value::is_array) && !json.get("rows").is_some_and(Value::is_array) {
            return None;
        }
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let uid = json.get("uid").and_then(Value::as_str).filter(|uid| !uid.is_empty());
        Some(Self {
            uid: uid.map_or(stem, str::to_owned),
            title,
            folder: folder.to_owned(),
            tags: texts(&json["tags"]),
            file: file.display().to_string(),
            schema_version: schema_version(&json["schemaVersion"]),
            panels: check::panels(&json).len(),
            warnings: check::warnings(&json, check),
            json,
        })
    }
}

/// The dashboard without what some exports put around it: `{"dashboard": …}` of the API,
/// `{"apiVersion", "kind": "Dashboard", "spec": …}` of Grafana's resources.
fn unwrap_envelope(mut document: Value) -> Value {
    let key = if document["dashboard"].is_object() {
        "dashboard"
    } else if document["kind"] == "Dashboard" && document["spec"].is_object() {
        "spec"
    } else {
        return document;
    };
    let name = document["metadata"]["name"].take();
    let mut inner = document[key].take();
    if inner["uid"].is_null() && name.is_string() {
        inner["uid"] = name;
    }
    inner
}

/// A number, or a text of one: some files have it as text.
fn schema_version(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}
