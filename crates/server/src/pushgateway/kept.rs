//! Groups on disk: one JSON file for each, replaced as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use skopos_core::metric::MetricType;
use skopos_core::{Labels, TenantId};
use skopos_wire::number::{format_float, parse_float};

use super::families::{Families, Family};
use super::groups::{Group, Groups, PushError};

const EXTENSION: &str = "json";

#[derive(Serialize, Deserialize)]
struct KeptGroup {
    tenant: String,
    labels: BTreeMap<String, String>,
    pushed_ms: i64,
    failed_ms: i64,
    families: Vec<KeptFamily>,
}

#[derive(Serialize, Deserialize)]
struct KeptFamily {
    name: String,
    metric_type: String,
    help: String,
    series: Vec<KeptSeries>,
}

#[derive(Serialize, Deserialize)]
struct KeptSeries {
    labels: BTreeMap<String, String>,
    /// As text, since JSON has no infinities.
    value: String,
}

/// The file of a group: its name is a digest of tenant and labels.
fn file(folder: &Path, key: &(TenantId, Labels)) -> PathBuf {
    use sha2::{Digest as _, Sha256};
    let mut digest = Sha256::new();
    digest.update(key.0.as_str());
    digest.update([0]);
    digest.update(key.1.encoded());
    folder.join(format!("{}.{EXTENSION}", hex::encode(digest.finalize())))
}

/// Writes a group; when it returns the file is whole, whatever happens next.
pub(super) fn write(folder: &Path, key: &(TenantId, Labels), group: &Group) -> Result<(), PushError> {
    let path = file(folder, key);
    let kept = kept_group(key, group);
    replace(folder, &path, &kept).map_err(|source| PushError::Keep { path, source })
}

fn replace(folder: &Path, path: &Path, kept: &KeptGroup) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let partial = path.with_extension("partial");
    let mut out = fs::File::create(&partial)?;
    out.write_all(&serde_json::to_vec(kept)?)?;
    out.sync_data()?;
    fs::rename(&partial, path)
}

/// Removes a group's file; it is no fault if there is none.
pub(super) fn remove(folder: &Path, key: &(TenantId, Labels)) -> Result<(), PushError> {
    let path = file(folder, key);
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(PushError::Keep { path, source }),
        _ => Ok(()),
    }
}

/// Reads all groups of a folder, which need not exist.
pub(super) fn read_all(folder: &Path) -> Groups {
    let mut groups = Groups::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return groups;
    };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != EXTENSION) {
            continue;
        }
        match read(&path) {
            Ok((key, group)) => {
                groups.insert(key, group);
            }
            Err(reason) => tracing::error!(path = %path.display(), %reason, "a group of pushed metrics cannot be read"),
        }
    }
    groups
}

fn read(path: &Path) -> Result<((TenantId, Labels), Group), String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let kept: KeptGroup = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    let tenant = TenantId::new(&kept.tenant).map_err(|error| error.to_string())?;
    let mut families = Families::new();
    for family in kept.families {
        let mut series = BTreeMap::new();
        for one in family.series {
            let value = parse_float(one.value.as_bytes()).ok_or_else(|| format!("{:?} is no number", one.value))?;
            series.insert(Labels::from_pairs(one.labels), value);
        }
        let metric_type = TYPES
            .into_iter()
            .find(|known| known.as_str() == family.metric_type)
            .unwrap_or_default();
        families.insert(
            family.name,
            Family {
                metric_type,
                help: family.help,
                series,
            },
        );
    }
    let group = Group::new(families, kept.pushed_ms, kept.failed_ms);
    Ok(((tenant, Labels::from_pairs(kept.labels)), group))
}

const TYPES: [MetricType; 8] = [
    MetricType::Unknown,
    MetricType::Counter,
    MetricType::Gauge,
    MetricType::Histogram,
    MetricType::GaugeHistogram,
    MetricType::Summary,
    MetricType::Info,
    MetricType::StateSet,
];

fn pairs(labels: &Labels) -> BTreeMap<String, String> {
    labels
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn kept_group(key: &(TenantId, Labels), group: &Group) -> KeptGroup {
    let families = group.families.iter();
    KeptGroup {
        tenant: key.0.as_str().to_owned(),
        labels: pairs(&key.1),
        pushed_ms: group.pushed_ms,
        failed_ms: group.failed_ms,
        families: families
            .map(|(name, family)| KeptFamily {
                name: name.clone(),
                metric_type: family.metric_type.as_str().to_owned(),
                help: family.help.clone(),
                series: family
                    .series
                    .iter()
                    .map(|(labels, value)| KeptSeries {
                        labels: pairs(labels),
                        value: format_float(*value),
                    })
                    .collect(),
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> ((TenantId, Labels), Group) {
        let labels = Labels::from_pairs([("job", "nightly"), ("path", "a/b")]);
        let series = |value| BTreeMap::from([(Labels::from_pairs([("__name__", "done"), ("job", "nightly")]), value)]);
        let family = |value| Family {
            metric_type: MetricType::Gauge,
            help: "What is \"done\".".to_owned(),
            series: series(value),
        };
        let families = Families::from([
            ("done".to_owned(), family(1.5)),
            ("end".to_owned(), family(f64::INFINITY)),
        ]);
        (
            (TenantId::default(), labels),
            Group::new(families, 1_700_000_000_000, 0),
        )
    }

    #[test]
    fn a_damaged_file_is_left_out_or_read_as_what_is_kept_alike() {
        let folder = tempfile::tempdir().expect("a folder");
        let (key, group) = group();
        write(folder.path(), &key, &group).expect("written");
        assert_eq!(read_all(folder.path()), Groups::from([(key.clone(), group)]));
        let path = file(folder.path(), &key);
        let good = fs::read(&path).expect("it is there");
        let (mut refused, mut kept) = (0, 0);
        for at in 0..good.len() {
            for damage in [None, Some(0), Some(b'"'), Some(b'9'), Some(0xff)] {
                let mut bytes = good.clone();
                match damage {
                    Some(byte) => bytes[at] = byte,
                    None => bytes.truncate(at),
                }
                fs::write(&path, bytes).expect("written");
                let Ok((key, group)) = read(&path) else {
                    refused += 1;
                    continue;
                };
                let again = tempfile::tempdir().expect("a folder");
                write(again.path(), &key, &group).expect("written");
                assert_eq!(
                    read_all(again.path()),
                    Groups::from([(key, group)]),
                    "byte {at}, {damage:?}"
                );
                kept += 1;
            }
        }
        assert!(refused > good.len() && kept > 0, "{refused} refused, {kept} kept");
    }
}
