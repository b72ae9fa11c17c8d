//! Loki configurations: the one that a flag names, and `loki.yaml` of each pack. Their limits hold for the server.

use std::path::{Path, PathBuf};

use skopos_config::LokiConfig;

/// What the file is called in a pack.
const IN_PACKS: [&str; 2] = ["loki.yaml", "loki.yml"];

/// Reads the files that there are.
pub(super) fn load(file: Option<&Path>, packs: &[PathBuf]) -> anyhow::Result<Vec<LokiConfig>> {
    let in_packs = packs
        .iter()
        .flat_map(|pack| IN_PACKS.iter().map(|name| pack.join(name)))
        .filter(|path| path.is_file());
    let paths = file.map(Path::to_path_buf).into_iter().chain(in_packs);
    paths.map(|path| Ok(LokiConfig::load(&path)?)).collect()
}
