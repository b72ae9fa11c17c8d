//! What the tests of the systems' packs share: reading a pack's files, and what every pack must hold to.
//!
//! Checks are named `assert_…` and panic like the macros. A system calls those that it keeps and adds its own.

use std::path::{Path, PathBuf};

use serde_json::Value;
use skopos_fleet_frame::SystemSpec;

mod cluster;
mod compose;
mod grafana;
mod prometheus;

pub use cluster::{Cluster, takes};
pub use grafana::assert_panels_are_complete;

/// The pack of one system, `packs/NAME`.
#[derive(Debug, Clone, Copy)]
pub struct Pack {
    system: SystemSpec,
}

impl Pack {
    /// The pack that goes with the system.
    pub const fn of(system: SystemSpec) -> Self {
        Self { system }
    }

    /// Where a file of the pack lies.
    pub fn path(&self, name: &str) -> PathBuf {
        let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs");
        packs.join(self.system.name).join(name)
    }

    /// A file as it is written.
    pub fn text(&self, name: &str) -> String {
        let path = self.path(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The one document of a YAML file.
    pub fn document(&self, name: &str) -> Value {
        serde_saphyr::from_str(&self.text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// All documents of a YAML file.
    pub fn documents(&self, name: &str) -> Vec<Value> {
        serde_saphyr::from_multiple(&self.text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Names and ports of the services that are scraped.
    pub fn services(&self) -> impl Iterator<Item = (&'static str, u16)> {
        let all = self.system.services.iter();
        all.filter_map(|service| Some((service.name, service.port?)))
    }
}

/// The items of a list that must be there.
#[track_caller]
pub fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("not a list: {value}"))
}

/// The texts of a list; none where there is no list.
#[track_caller]
pub fn strings(value: &Value) -> Vec<&str> {
    if value.is_null() {
        return Vec::new();
    }
    let text = |item| Value::as_str(item).unwrap_or_else(|| panic!("not a text: {item}"));
    list(value).iter().map(text).collect()
}
