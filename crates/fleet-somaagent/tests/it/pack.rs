//! Reads files of the pack.

use std::path::{Path, PathBuf};

use serde_json::Value;
use skopos_fleet_somaagent::SYSTEM;

pub(crate) fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../packs/somaagent")
        .join(name)
}

pub(crate) fn text(name: &str) -> String {
    let path = path(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All documents of a YAML file.
pub(crate) fn documents(name: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The one document of a YAML file.
pub(crate) fn document(name: &str) -> Value {
    serde_saphyr::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Names and ports of the six services.
pub(crate) fn services() -> impl Iterator<Item = (&'static str, u16)> {
    SYSTEM
        .services
        .iter()
        .filter_map(|service| Some((service.name, service.port?)))
}

pub(crate) fn strings(list: &Value) -> Vec<&str> {
    let items = list.as_array().into_iter().flatten();
    items
        .map(|item| item.as_str().unwrap_or_else(|| panic!("{item} is no text")))
        .collect()
}
