//! The `storage` section.

use std::time::Duration;

use serde::Serialize;

use crate::error::Result;
use crate::section::Section;

/// The `storage` section.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct StorageConfig {
    /// Settings of the time series database.
    #[serde(skip_serializing_if = "TsdbConfig::is_default")]
    pub tsdb: TsdbConfig,
    /// Settings of the exemplar storage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exemplars: Option<ExemplarsConfig>,
}

/// Settings of the time series database.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct TsdbConfig {
    /// How far behind a series' newest sample others may be.
    #[serde(serialize_with = "crate::duration::serialize")]
    pub out_of_order_time_window: Duration,
    /// Part of stale series from which the head is compacted early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_series_compaction_threshold: Option<f64>,
    /// What is kept.
    #[serde(skip_serializing_if = "RetentionConfig::is_default")]
    pub retention: RetentionConfig,
    /// How chunks are encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunk_encoding: Option<ChunkEncodingConfig>,
}

/// What is kept; what is not set is not limited here.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct RetentionConfig {
    /// For how long.
    #[serde(
        serialize_with = "crate::duration::serialize_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub time: Option<Duration>,
    /// How many bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
    /// How much of the disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentage: Option<f64>,
}

/// How chunks are encoded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChunkEncodingConfig {
    /// Of floats: `xor` or `xor2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floats: Option<&'static str>,
}

/// Settings of the exemplar storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ExemplarsConfig {
    /// Most exemplars kept.
    pub max_exemplars: i64,
}

/// Upstream's default of `max_exemplars`.
const DEFAULT_MAX_EXEMPLARS: i64 = 100_000;

impl TsdbConfig {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl RetentionConfig {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    fn read(section: &Section<'_>) -> Result<Self> {
        let retention = Self {
            time: section.duration("time")?,
            size: section.size("size")?,
            percentage: section.number("percentage")?,
        };
        if retention.size.is_some_and(|size| size < 0) {
            return Err(section.problem_at(
                "size",
                "'storage.tsdb.retention.size' must be greater than or equal to 0",
            ));
        }
        if retention
            .percentage
            .is_some_and(|percentage| !(0.0..=100.0).contains(&percentage))
        {
            let message = "'storage.tsdb.retention.percentage' must be in the range [0, 100]";
            return Err(section.problem_at("percentage", message));
        }
        Ok(retention)
    }
}

impl StorageConfig {
    /// Says which settings change nothing here.
    pub(crate) fn without_effect(&self) -> Vec<String> {
        let settings = [
            (
                self.tsdb.stale_series_compaction_threshold.is_some(),
                "storage.tsdb.stale_series_compaction_threshold has no effect: series leave the head by age, stale or not",
            ),
            (
                self.tsdb.chunk_encoding.is_some(),
                "storage.tsdb.chunk_encoding has no effect: the encoding follows the samples",
            ),
        ];
        let set = settings.into_iter().filter(|(is_set, _)| *is_set);
        set.map(|(_, warning)| warning.to_owned()).collect()
    }

    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn read(section: &Section<'_>) -> Result<Self> {
        Ok(Self {
            tsdb: section.section("tsdb", "config.plain", read_tsdb)?.unwrap_or_default(),
            exemplars: section.section("exemplars", "config.ExemplarsConfig", |section| {
                Ok(ExemplarsConfig {
                    max_exemplars: section.integer("max_exemplars")?.unwrap_or(DEFAULT_MAX_EXEMPLARS),
                })
            })?,
        })
    }
}

fn read_tsdb(section: &Section<'_>) -> Result<TsdbConfig> {
    let threshold = section.number("stale_series_compaction_threshold")?;
    if threshold.is_some_and(|threshold| !(0.0..=1.0).contains(&threshold)) {
        return Err(section.problem_at(
            "stale_series_compaction_threshold",
            "'storage.tsdb.stale_series_compaction_threshold' must be in the range [0, 1]",
        ));
    }
    Ok(TsdbConfig {
        out_of_order_time_window: section.duration_or("out_of_order_time_window", Duration::ZERO)?,
        stale_series_compaction_threshold: threshold,
        retention: section
            .section("retention", "config.plain", RetentionConfig::read)?
            .unwrap_or_default(),
        chunk_encoding: section.section("chunk_encoding", "config.plain", read_chunk_encoding)?,
    })
}

fn read_chunk_encoding(section: &Section<'_>) -> Result<ChunkEncodingConfig> {
    let floats = section.choice("floats", &[("xor", "xor"), ("xor2", "xor2")], |text| {
        format!("'storage.tsdb.chunk_encoding.floats' must be 'xor' or 'xor2', or the field must be omitted entirely, got {text:?}")
    })?;
    Ok(ChunkEncodingConfig { floats })
}
