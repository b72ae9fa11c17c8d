//! Finds a system's pack: the folder `packs/<system>` below the working directory, which is there
//! in a checkout and may be edited, or else the copy that the program carries.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rust_embed::Embed;

#[derive(Embed)]
#[folder = "../../packs"]
#[exclude = "*/secrets/*"]
struct Packs;

/// The folder of the pack. The program's own copy is laid out below the data directory.
pub(super) fn find(system: &str, data: &Path) -> anyhow::Result<PathBuf> {
    let near = Path::new("packs").join(system);
    if near.join("prometheus.yml").is_file() {
        return Ok(near);
    }
    let folder = data.join("packs").join(system);
    unpack(system, &folder)?;
    Ok(folder)
}

fn unpack(system: &str, folder: &Path) -> anyhow::Result<()> {
    let prefix = format!("{system}/");
    for name in Packs::iter() {
        let Some(path) = name.strip_prefix(&prefix) else {
            continue;
        };
        let Some(file) = Packs::get(&name) else { continue };
        let target = folder.join(path);
        let parent = target.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).with_context(|| format!("failed to make {}", parent.display()))?;
        std::fs::write(&target, &file.data).with_context(|| format!("failed to write {}", target.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_carried_pack_is_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        unpack("somaagent01", folder.path()).expect("the pack is laid out");
        for file in [
            "prometheus.yml",
            "alerts.yml",
            "recording_rules.yml",
            "dashboards/overview.json",
        ] {
            assert!(folder.path().join(file).is_file(), "{file}");
        }
    }
}
