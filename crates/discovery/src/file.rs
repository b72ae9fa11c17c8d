//! File discovery: patterns of YAML and JSON files, read again when they change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use skopos_config::{FileSdConfig, TargetGroup, parse_target_groups};

use crate::source::Output;
use crate::telemetry;

/// How often files are looked at; a change is in use after at most this long.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// Largest file that is read.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// Watches the files of one `file_sd_configs` item by their size and time of change.
#[derive(Debug)]
pub(crate) struct FileDiscovery {
    patterns: Vec<PathBuf>,
    look_interval: Duration,
    files: BTreeMap<PathBuf, KnownFile>,
    is_first: bool,
}

/// A file as last read. A file that breaks keeps the groups it had.
#[derive(Debug, PartialEq)]
struct KnownFile {
    stamp: Stamp,
    groups: Vec<TargetGroup>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Stamp {
    changed: Option<SystemTime>,
    size_bytes: u64,
}

impl FileDiscovery {
    pub(crate) fn new(config: &FileSdConfig, folder: &Path) -> Self {
        Self {
            patterns: config.files.iter().map(|pattern| folder.join(pattern)).collect(),
            look_interval: LOOK_INTERVAL.min(config.refresh_interval.max(Duration::from_millis(1))),
            files: BTreeMap::new(),
            is_first: true,
        }
    }

    fn matching_files(&self) -> Vec<(PathBuf, Stamp)> {
        let paths = self.patterns.iter().flat_map(|pattern| {
            let matches = glob::glob(&pattern.to_string_lossy());
            matches.into_iter().flatten().flatten()
        });
        let stamped = paths.filter_map(|path| {
            let metadata = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?;
            let stamp = Stamp {
                changed: metadata.modified().ok(),
                size_bytes: metadata.len(),
            };
            Some((path, stamp))
        });
        stamped.collect()
    }

    /// Reads one file again if it changed; says whether its groups did.
    fn refresh(&mut self, path: PathBuf, stamp: Stamp) -> bool {
        let known = self.files.get_mut(&path);
        if known.as_ref().is_some_and(|known| known.stamp == stamp) {
            return false;
        }
        match (read(&path, stamp), known) {
            (Ok(groups), Some(known)) => {
                let has_changed = known.groups != groups;
                *known = KnownFile { stamp, groups };
                has_changed
            }
            (Ok(groups), None) => {
                self.files.insert(path, KnownFile { stamp, groups });
                true
            }
            (Err(reason), known) => {
                telemetry::FILE_SD_READ_ERRORS.inc();
                tracing::error!(file = %path.display(), %reason, "target file is not usable; its last targets stay");
                if let Some(known) = known {
                    known.stamp = stamp;
                } else {
                    let groups = Vec::new();
                    self.files.insert(path, KnownFile { stamp, groups });
                }
                false
            }
        }
    }
}

impl FileDiscovery {
    /// All groups as of now; `None` where nothing changed since the last call. Does file I/O.
    fn poll(&mut self) -> Option<Vec<TargetGroup>> {
        let found = self.matching_files();
        let before = self.files.len();
        self.files
            .retain(|path, _| found.iter().any(|(found, _)| found == path));
        let mut has_changed = self.files.len() != before || std::mem::take(&mut self.is_first);
        for (path, stamp) in found {
            has_changed |= self.refresh(path, stamp);
        }
        has_changed.then(|| self.files.values().flat_map(|file| file.groups.clone()).collect())
    }
}

/// Looks at the files again and again, on a blocking thread, and passes on what changed.
pub(crate) async fn follow(mut discovery: FileDiscovery, output: Output) {
    loop {
        let looked = tokio::task::spawn_blocking(move || {
            let found = discovery.poll();
            (discovery, found)
        });
        let Ok((returned, found)) = looked.await else { return };
        discovery = returned;
        if let Some(groups) = found
            && !output.send(groups).await
        {
            return;
        }
        if !output.pause(discovery.look_interval).await {
            return;
        }
    }
}

fn read(path: &Path, stamp: Stamp) -> Result<Vec<TargetGroup>, String> {
    if stamp.size_bytes > MAX_FILE_BYTES {
        return Err(format!("the file is larger than {MAX_FILE_BYTES} bytes"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let mut groups = parse_target_groups(&text, path).map_err(|error| error.to_string())?;
    for group in &mut groups {
        group
            .labels
            .insert("__meta_filepath".to_owned(), path.display().to_string());
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(groups: &[TargetGroup]) -> Vec<&str> {
        groups
            .iter()
            .flat_map(|group| &group.targets)
            .map(String::as_str)
            .collect()
    }

    #[test]
    fn files_come_change_break_and_go() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = FileSdConfig {
            files: vec!["*.json".to_owned()],
            refresh_interval: Duration::from_mins(1),
        };
        let mut discovery = FileDiscovery::new(&config, folder.path());
        assert_eq!(
            discovery.poll(),
            Some(Vec::new()),
            "the first answer tells that there is nothing"
        );
        assert_eq!(discovery.poll(), None);

        let file = folder.path().join("a.json");
        std::fs::write(&file, r#"[{"targets":["h:1"]}]"#).expect("writable");
        let groups = discovery.poll().expect("a new file");
        assert_eq!(addresses(&groups), ["h:1"]);
        assert_eq!(groups[0].labels["__meta_filepath"], file.display().to_string());

        std::fs::write(&file, r#"[{"targets":["h:1","h:2"]}]"#).expect("writable");
        assert_eq!(addresses(&discovery.poll().expect("a changed file")), ["h:1", "h:2"]);

        std::fs::write(&file, "[{").expect("writable");
        assert_eq!(discovery.poll(), None, "a broken file keeps its targets");

        std::fs::remove_file(&file).expect("it is there");
        assert_eq!(discovery.poll(), Some(Vec::new()));
    }
}
