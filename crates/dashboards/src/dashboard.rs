//! One dashboard: what lists and links need, and the document.

use std::path::Path;

use serde_json::Value;

use crate::check;

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
    /// Number of panels, rows not counted.
    pub panels: usize,
    /// Grafana's JSON as it came, without the envelope of an API export.
    pub json: Value,
    /// What of it cannot be shown, and what to do.
    pub warnings: Vec<String>,
}

impl Dashboard {
    /// Reads a document. `None` if it is JSON but no dashboard.
    pub(crate) fn read(document: Value, folder: &str, file: &Path) -> Option<Self> {
        let json = match document {
            Value::Object(mut export) if export.get("dashboard").is_some_and(Value::is_object) => {
                export.remove("dashboard")?
            }
            other => other,
        };
        let title = json.get("title")?.as_str()?.to_owned();
        if !json.get("panels").is_some_and(Value::is_array) && !json.get("rows").is_some_and(Value::is_array) {
            return None;
        }
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let uid = json.get("uid").and_then(Value::as_str).filter(|uid| !uid.is_empty());
        let panels = check::panels(&json);
        Some(Self {
            uid: uid.map_or(stem, str::to_owned),
            title,
            folder: folder.to_owned(),
            tags: texts(&json["tags"]),
            file: file.display().to_string(),
            panels: panels.len(),
            warnings: panels.iter().filter_map(|panel| check::warning(panel)).collect(),
            json,
        })
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}
