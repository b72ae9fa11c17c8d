//! What a part holds without its samples: its series, their postings, and of each row where its
//! samples are and of what time. Kept in memory while the part is in use.

use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Int64Type, UInt8Type, UInt32Type};
use arrow_array::{MapArray, RecordBatch};
use hashbrown::{HashMap, HashTable};
use skopos_core::{Labels, Matcher, TimeRange};
use skopos_storage::{PartReader, PartScan, StorageError};

use super::{Codec, Kind, check_version, foreign};

/// Series, postings and rows of a part.
#[derive(Debug, Default)]
pub(crate) struct PartIndex {
    /// Unlike that of any other index of this process.
    id: u64,
    names: Vec<Box<str>>,
    by_name: HashMap<Box<str>, u32>,
    /// Distinct pairs: number of the name, and the value.
    pairs: Vec<(u32, Box<str>)>,
    by_pair: HashTable<u32>,
    /// By name: its pairs.
    pairs_by_name: Vec<Vec<u32>>,
    /// Pairs of all series, one after the other.
    series_pairs: Vec<u32>,
    /// By series: where its pairs and rows begin. One more at the end.
    series: Vec<SeriesAt>,
    /// By pair: its series, ascending.
    postings: Vec<Vec<u32>>,
    rows: Vec<RowInfo>,
}

#[derive(Debug, Clone, Copy)]
struct SeriesAt {
    pairs: u32,
    rows: u32,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowInfo {
    pub(crate) range: TimeRange,
    pub(super) count: u32,
    /// The row with its times; itself where they stand among the samples.
    pub(super) times_row: u32,
    /// The row with what its value codec shares; itself where there is none.
    pub(super) shared_row: u32,
    pub(crate) kind: Kind,
    pub(super) codec: Codec,
}

impl RowInfo {
    /// Bytes of its times and values as a query has them, if it holds floats. Times that it shares
    /// with others do not count.
    pub(crate) fn float_bytes(&self) -> Option<usize> {
        let per_sample = match (self.kind, self.codec) {
            (Kind::Floats, Codec::Xor) => size_of::<(i64, f64)>(),
            (Kind::Floats, _) => size_of::<f64>(),
            _ => return None,
        };
        Some(self.count as usize * per_sample)
    }
}

/// The next number of an index.
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

impl PartIndex {
    /// Reads the index of a part.
    pub(crate) fn read(reader: &PartReader) -> Result<Self, StorageError> {
        let columns = [
            "labels",
            "kind",
            "min_time",
            "max_time",
            "count",
            "codec",
            "times_row",
            "shared_row",
        ];
        check_version(reader)?;
        let mut index = Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            ..Self::default()
        };
        let mut last: Vec<u32> = Vec::new();
        for batch in reader.scan(&PartScan::columns(&columns))? {
            index.add_batch(&batch?, &mut last).ok_or_else(|| foreign(reader))?;
        }
        index.series.push(SeriesAt {
            pairs: index.series_pairs.len() as u32,
            rows: index.rows.len() as u32,
        });
        index.rows.shrink_to_fit();
        index.post();
        Ok(index)
    }

    /// Adds rows; `last` is the series of the row before, as pairs.
    fn add_batch(&mut self, batch: &RecordBatch, last: &mut Vec<u32>) -> Option<()> {
        let labels = batch.column_by_name("labels")?.as_map_opt()?;
        let bytes = |name| batch.column_by_name(name)?.as_primitive_opt::<UInt8Type>();
        let times = |name| batch.column_by_name(name)?.as_primitive_opt::<Int64Type>();
        let numbers = |name| batch.column_by_name(name)?.as_primitive_opt::<UInt32Type>();
        let (kinds, codecs) = (bytes("kind")?, bytes("codec")?);
        let (min_times, max_times, counts) = (times("min_time")?, times("max_time")?, numbers("count")?);
        let (times_rows, shared_rows) = (numbers("times_row"), numbers("shared_row"));
        let mut pairs = Vec::new();
        for row in 0..batch.num_rows() {
            let number = self.rows.len() as u32;
            pairs.clear();
            self.pairs_at(labels, row, &mut pairs)?;
            if self.rows.is_empty() || pairs != *last {
                self.series.push(SeriesAt {
                    pairs: self.series_pairs.len() as u32,
                    rows: number,
                });
                self.series_pairs.extend_from_slice(&pairs);
                last.clone_from(&pairs);
            }
            self.rows.push(RowInfo {
                range: TimeRange::new(min_times.value(row), max_times.value(row)),
                count: counts.value(row),
                times_row: times_rows.map_or(number, |rows| rows.value(row)),
                shared_row: shared_rows.map_or(number, |rows| rows.value(row)),
                kind: Kind::of(kinds.value(row))?,
                codec: Codec::of(codecs.value(row))?,
            });
        }
        Some(())
    }

    fn pairs_at(&mut self, map: &MapArray, row: usize, pairs: &mut Vec<u32>) -> Option<()> {
        let names = map.keys().as_string_opt::<i32>()?;
        let values = map.values().as_string_opt::<i32>()?;
        let offsets = map.value_offsets();
        for entry in offsets[row] as usize..offsets[row + 1] as usize {
            pairs.push(self.pair(names.value(entry), values.value(entry)));
        }
        Some(())
    }

    /// The number of a pair, which gets one where it has none.
    fn pair(&mut self, name: &str, value: &str) -> u32 {
        let known = self.by_name.get(name).copied();
        let name = known.unwrap_or_else(|| {
            let number = self.names.len() as u32;
            self.names.push(Box::from(name));
            self.pairs_by_name.push(Vec::new());
            self.by_name.insert(Box::from(name), number);
            number
        });
        let hash = pair_hash(name, value);
        let pairs = &self.pairs;
        let is_it = |number: &u32| {
            pairs
                .get(*number as usize)
                .is_some_and(|pair| pair.0 == name && *pair.1 == *value)
        };
        if let Some(number) = self.by_pair.find(hash, is_it) {
            return *number;
        }
        let number = self.pairs.len() as u32;
        self.pairs.push((name, Box::from(value)));
        self.pairs_by_name[name as usize].push(number);
        let pairs = &self.pairs;
        let rehash = |number: &u32| pairs.get(*number as usize).map_or(0, |pair| pair_hash(pair.0, &pair.1));
        self.by_pair.insert_unique(hash, number, rehash);
        number
    }

    fn post(&mut self) {
        let mut postings: Vec<Vec<u32>> = vec![Vec::new(); self.pairs.len()];
        for series in 0..self.len() as u32 {
            for pair in self.pairs_of(series) {
                postings[*pair as usize].push(series);
            }
        }
        postings.iter_mut().for_each(Vec::shrink_to_fit);
        self.postings = postings;
    }

    fn pairs_of(&self, series: u32) -> &[u32] {
        let at = series as usize;
        let (from, to) = (self.series[at].pairs as usize, self.series[at + 1].pairs as usize);
        &self.series_pairs[from..to]
    }

    /// What tells it from all other indexes that were read since the start.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Number of series.
    pub(crate) fn len(&self) -> usize {
        self.series.len().saturating_sub(1)
    }

    /// Number of samples.
    pub(crate) fn sample_count(&self) -> u64 {
        self.rows.iter().map(|row| u64::from(row.count)).sum()
    }

    /// Number of rows.
    pub(crate) fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// The rows of a series.
    pub(crate) fn rows_of(&self, series: u32) -> std::ops::Range<u32> {
        let at = series as usize;
        self.series[at].rows..self.series[at + 1].rows
    }

    /// A row.
    pub(crate) fn row(&self, row: u32) -> Option<&RowInfo> {
        self.rows.get(row as usize)
    }

    /// The pairs of a series, by name.
    fn pairs(&self, series: u32) -> impl Iterator<Item = (&str, &str)> + Clone {
        let pairs = self.pairs_of(series).iter().map(|pair| &self.pairs[*pair as usize]);
        pairs.map(|(name, value)| (&*self.names[*name as usize], &**value))
    }

    /// The labels of a series.
    pub(crate) fn labels(&self, series: u32) -> Labels {
        let pairs = self.pairs(series);
        Labels::from_sorted_pairs(pairs.clone()).unwrap_or_else(|| pairs.collect())
    }

    /// Bytes that it takes, about.
    pub(crate) fn size_bytes(&self) -> usize {
        const PER_PAIR: usize = 100;
        self.pairs.len() * PER_PAIR
            + self.series_pairs.len() * 2 * size_of::<u32>()
            + self.series.len() * size_of::<SeriesAt>()
            + self.rows.len() * size_of::<RowInfo>()
    }

    /// The series that meet all matchers, ascending.
    pub(crate) fn select(&self, matchers: &[Matcher]) -> Vec<u32> {
        let (absent, present): (Vec<&Matcher>, Vec<&Matcher>) =
            matchers.iter().partition(|matcher| matcher.matches_empty());
        let mut lists: Vec<Vec<u32>> = present
            .into_iter()
            .map(|matcher| self.having(matcher.name(), |value| matcher.matches(value)))
            .collect();
        lists.sort_by_key(Vec::len);
        let mut lists = lists.into_iter();
        let mut selected = lists.next().unwrap_or_else(|| (0..self.len() as u32).collect());
        for list in lists {
            selected.retain(|series| list.binary_search(series).is_ok());
        }
        for matcher in absent {
            if selected.is_empty() {
                break;
            }
            // A series without the label meets it, so those with another value go.
            let others = self.having(matcher.name(), |value| !matcher.matches(value));
            selected.retain(|series| others.binary_search(series).is_err());
        }
        selected
    }

    /// Series that have the label with a value that passes.
    fn having(&self, name: &str, passes: impl Fn(&str) -> bool) -> Vec<u32> {
        let Some(name) = self.by_name.get(name) else {
            return Vec::new();
        };
        let pairs = self.pairs_by_name[*name as usize].iter().map(|pair| *pair as usize);
        let passing = pairs.filter(|pair| passes(&self.pairs[*pair].1));
        let mut lists = passing.map(|pair| &self.postings[pair]);
        let (Some(first), second) = (lists.next(), lists.next()) else {
            return Vec::new();
        };
        let Some(second) = second else {
            return first.clone();
        };
        let rest = lists.flatten();
        let mut union: Vec<u32> = first.iter().chain(second).chain(rest).copied().collect();
        union.sort_unstable();
        union
    }
}

fn pair_hash(name: u32, value: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(value.as_bytes(), u64::from(name))
}
