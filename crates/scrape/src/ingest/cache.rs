//! What is known of a target's series from earlier scrapes.
//!
//! Scrapes are numbered. A series that the last scrape had and this one has not has vanished. Where
//! a scrape has as many series as the last one and none was new to it, it has the same ones, and
//! the search is saved.

use std::collections::{BTreeMap, HashSet};

use hashbrown::HashMap;
use skopos_core::Labels;
use skopos_core::metric::MetricMetadata;

use super::unknown_metadata;

/// The number of no scrape; the first has the one after the next, so that no series was in the one
/// before it.
const NEVER: u64 = 0;
/// Scrapes after which an unseen series text is forgotten.
const KEEP_SCRAPES: u64 = 5;

/// Series that get a staleness marker when they do not come again.
pub(crate) type Tracked = Vec<Labels>;

/// What is known of a series text.
pub(super) enum Known {
    Kept(Labels),
    /// As `Kept`, and this scrape had it before.
    Repeated(Labels),
    Dropped,
}

#[derive(Debug)]
struct CacheEntry {
    /// `None` for a series that rules drop.
    labels: Option<Labels>,
    /// The scrape that had it last, and the one that had it before; [`NEVER`] if none had.
    seen: u64,
    before: u64,
    /// Whether it was tracked for staleness then.
    is_tracked: bool,
    /// When its counting began, as was said last, in milliseconds since the Unix epoch; 0 if never.
    created_ms: i64,
}

#[derive(Debug)]
pub(super) struct SeriesCache {
    entries: HashMap<Box<[u8]>, CacheEntry>,
    /// Number of the current scrape.
    scrape: u64,
    /// Whether the current scrape is being read.
    is_open: bool,
    /// Tracked series of the last scrape and of this one.
    last_tracked: usize,
    now_tracked: usize,
    /// Whether this scrape had a tracked series that the last one had not.
    has_new: bool,
    /// Series of an earlier cache of the target.
    orphans: Tracked,
    metadata: BTreeMap<String, MetricMetadata>,
    changed_metadata: HashSet<String>,
}

impl SeriesCache {
    pub(super) fn new(orphans: Tracked) -> Self {
        Self {
            entries: HashMap::new(),
            scrape: NEVER + 1,
            is_open: false,
            last_tracked: 0,
            now_tracked: 0,
            has_new: false,
            orphans,
            metadata: BTreeMap::new(),
            changed_metadata: HashSet::new(),
        }
    }

    pub(super) fn begin(&mut self) {
        self.scrape += 1;
        self.is_open = true;
        self.now_tracked = 0;
        self.has_new = false;
    }

    /// Begins a scrape that has nothing. What a broken attempt before it saw is undone.
    pub(super) fn begin_failed(&mut self) {
        if self.is_open {
            let attempt = self.scrape;
            for entry in self.entries.values_mut().filter(|entry| entry.seen == attempt) {
                entry.seen = entry.before;
            }
        } else {
            self.begin();
        }
        self.now_tracked = 0;
        self.has_new = true;
    }

    /// Notes that this scrape has the series; `None` if its text is not known.
    pub(super) fn see(&mut self, text: &[u8], is_tracked: bool) -> Option<Known> {
        let entry = self.entries.get_mut(text)?;
        let labels = entry.labels.as_ref();
        if labels.is_some() && is_tracked && entry.seen != self.scrape {
            self.now_tracked += 1;
            self.has_new |= entry.seen + 1 != self.scrape || !entry.is_tracked;
        }
        let is_repeated = entry.seen == self.scrape;
        if !is_repeated {
            entry.before = entry.seen;
            entry.seen = self.scrape;
        }
        entry.is_tracked = is_tracked;
        Some(match labels {
            None => Known::Dropped,
            Some(labels) if is_repeated => Known::Repeated(labels.clone()),
            Some(labels) => Known::Kept(labels.clone()),
        })
    }

    /// Learns a series text.
    pub(super) fn learn(&mut self, text: &[u8], labels: Option<Labels>, is_tracked: bool) {
        if labels.is_some() && is_tracked {
            self.now_tracked += 1;
            self.has_new = true;
        }
        let entry = CacheEntry {
            labels,
            seen: self.scrape,
            before: NEVER,
            is_tracked,
            created_ms: 0,
        };
        self.entries.insert(text.into(), entry);
    }

    /// Notes when the counting of a known series began; says whether that is new.
    pub(super) fn begins_at(&mut self, text: &[u8], created_ms: i64) -> bool {
        let entry = self.entries.get_mut(text);
        entry.is_some_and(|entry| std::mem::replace(&mut entry.created_ms, created_ms) != created_ms)
    }

    /// Gives the tracked series that the last scrape had and this one has not.
    pub(super) fn take_vanished(&mut self, mut vanish: impl FnMut(Labels)) {
        let is_same = !self.has_new && self.now_tracked == self.last_tracked && self.orphans.is_empty();
        if !is_same {
            // Two texts may stand for one series, so those present are asked by their labels.
            let present: HashSet<&Labels> = self.tracked_at(self.scrape).collect();
            let mut gone: HashSet<&Labels> = self.tracked_at(self.scrape - 1).collect();
            gone.extend(&self.orphans);
            gone.difference(&present).for_each(|labels| vanish((*labels).clone()));
            self.orphans.clear();
            let oldest = self.scrape.saturating_sub(KEEP_SCRAPES);
            self.entries.retain(|_, entry| entry.seen >= oldest);
        }
        self.last_tracked = self.now_tracked;
        self.is_open = false;
    }

    fn tracked_at(&self, scrape: u64) -> impl Iterator<Item = &Labels> {
        let entries = self
            .entries
            .values()
            .filter(move |entry| entry.seen == scrape && entry.is_tracked);
        entries.filter_map(|entry| entry.labels.as_ref())
    }

    pub(super) fn into_tracked(self) -> Tracked {
        let mut tracked: HashSet<Labels> = self.tracked_at(self.scrape).cloned().collect();
        tracked.extend(self.orphans);
        tracked.into_iter().collect()
    }

    /// Changes what is known of a family; `change` says whether it did.
    pub(super) fn describe(&mut self, metric: &str, change: impl FnOnce(&mut MetricMetadata) -> bool) {
        if let Some(known) = self.metadata.get_mut(metric) {
            if change(known) {
                self.changed_metadata.insert(metric.to_owned());
            }
            return;
        }
        let mut known = unknown_metadata(metric);
        change(&mut known);
        self.metadata.insert(metric.to_owned(), known);
        self.changed_metadata.insert(metric.to_owned());
    }

    /// Adds what changed since the last call to `out`; says whether anything did.
    pub(super) fn take_changed_metadata(&mut self, out: &mut Vec<MetricMetadata>) -> bool {
        let has_changed = !self.changed_metadata.is_empty();
        for metric in self.changed_metadata.drain() {
            out.extend(self.metadata.get(&metric).cloned());
        }
        has_changed
    }

    pub(super) fn metadata(&self) -> Vec<MetricMetadata> {
        self.metadata.values().cloned().collect()
    }
}
