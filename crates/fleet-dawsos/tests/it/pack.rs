//! Reads files of the pack.

use std::path::Path;

use serde_json::Value;
use skopos_fleet_dawsos::SYSTEM;

pub(crate) fn text(name: &str) -> String {
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs");
    let path = packs.join(SYSTEM.name).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn documents(name: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(crate) fn document(name: &str) -> Value {
    serde_saphyr::from_str(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Names and ports of the services that are scraped.
pub(crate) fn services() -> impl Iterator<Item = (&'static str, u16)> {
    let all = SYSTEM.services.iter();
    all.filter_map(|service| Some((service.name, service.port?)))
}

pub(crate) fn list<'a>(value: &'a Value, what: &str) -> &'a Vec<Value> {
    value
        .as_array()
        .unwrap_or_else(|| panic!("{what} is a list, not {value}"))
}
