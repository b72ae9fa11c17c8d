//! Floats of parts as queries have decoded them, within a bound of memory: dashboards and rules ask
//! for the same runs again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::telemetry::{CACHE_BYTES, CACHE_HITS, CACHE_MISSES};

/// What a kept run takes beside its samples, about.
const RUN_BYTES: usize = 128;
/// A selection that would take more than this share of the room is not kept: it would drive out all
/// others, and be gone itself before it is asked for again.
const LARGEST_SHARE: usize = 2;
/// What nobody asked for in this time is forgotten.
const IDLE: Duration = Duration::from_mins(5);

/// A row of a part: the number of its index, and its own.
type Key = (u64, u32);

/// The floats of a row, sorted by time.
#[derive(Debug, Clone)]
pub(crate) struct FloatRun {
    pub(crate) times_ms: Arc<Vec<i64>>,
    pub(crate) values: Arc<Vec<f64>>,
    bytes: usize,
}

impl FloatRun {
    /// A run that takes so many bytes by itself.
    pub(crate) fn new(times_ms: &Arc<Vec<i64>>, values: &Arc<Vec<f64>>, bytes: usize) -> Self {
        Self {
            times_ms: Arc::clone(times_ms),
            values: Arc::clone(values),
            bytes,
        }
    }
}

#[derive(Debug, Clone)]
struct ByBytes;

impl Weighter<Key, FloatRun> for ByBytes {
    fn weight(&self, _key: &Key, run: &FloatRun) -> u64 {
        (run.bytes + RUN_BYTES) as u64
    }
}

/// Decoded runs by part and row.
#[derive(Debug)]
pub(crate) struct DecodedRuns {
    runs: Cache<Key, FloatRun, ByBytes>,
    max_bytes: usize,
    /// Whether a query looked since the last call of [`DecodedRuns::forget_idle`].
    is_used: AtomicBool,
    /// When that was first seen to be so, in milliseconds since the Unix epoch.
    used_ms: AtomicI64,
}

impl DecodedRuns {
    /// Room for so many bytes; 0 keeps nothing.
    pub(crate) fn new(max_bytes: usize) -> Self {
        const USUAL_BYTES: usize = 8192;
        Self {
            runs: Cache::with_weighter(max_bytes / USUAL_BYTES, max_bytes as u64, ByBytes),
            max_bytes,
            is_used: AtomicBool::new(false),
            used_ms: AtomicI64::new(0),
        }
    }

    /// What is known of each of the rows of a part; nothing at all where the part is not known.
    pub(crate) fn find(&self, index: u64, rows: &[u32]) -> Vec<Option<FloatRun>> {
        self.is_used.store(true, Ordering::Relaxed);
        if self.runs.is_empty() {
            CACHE_MISSES.inc_by(rows.len() as u64);
            return Vec::new();
        }
        let found: Vec<_> = rows.iter().map(|row| self.runs.get(&(index, *row))).collect();
        let hits = found.iter().flatten().count() as u64;
        CACHE_HITS.inc_by(hits);
        CACHE_MISSES.inc_by(rows.len() as u64 - hits);
        found
    }

    /// Whether a selection of so many bytes is to be kept.
    pub(crate) fn has_room_for(&self, bytes: usize) -> bool {
        bytes <= self.max_bytes / LARGEST_SHARE && self.max_bytes > 0
    }

    /// Keeps what was decoded of a row.
    pub(crate) fn keep(&self, index: u64, row: u32, run: FloatRun) {
        self.runs.insert((index, row), run);
    }

    /// Forgets everything where no query looked for a while. To be called every minute or so.
    pub(crate) fn forget_idle(&self, now_ms: i64) {
        if self.is_used.swap(false, Ordering::Relaxed) {
            self.used_ms.store(now_ms, Ordering::Relaxed);
        } else if now_ms - self.used_ms.load(Ordering::Relaxed) >= IDLE.as_millis() as i64 {
            self.runs.clear();
        }
        CACHE_BYTES.set(self.bytes() as i64);
    }

    /// What is kept takes so many bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.runs.weight()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(samples: usize) -> FloatRun {
        let (times_ms, values) = (Arc::new(vec![0; samples]), Arc::new(vec![1.0; samples]));
        FloatRun::new(&times_ms, &values, samples * size_of::<f64>())
    }

    #[test]
    fn what_is_kept_is_found_until_it_is_idle() {
        let decoded = DecodedRuns::new(1 << 20);
        assert!(decoded.find(7, &[1, 2]).is_empty(), "nothing is kept yet");
        decoded.keep(7, 2, run(100));
        let found = decoded.find(7, &[1, 2]);
        assert!(found[0].is_none());
        assert_eq!(found[1].as_ref().map(|run| run.values.len()), Some(100));
        assert!(decoded.find(8, &[2])[0].is_none(), "another part");
        decoded.forget_idle(1_000);
        decoded.forget_idle(200_000);
        assert!(!decoded.runs.is_empty(), "asked for lately");
        decoded.forget_idle(1_000 + IDLE.as_millis() as i64);
        assert!(decoded.runs.is_empty());
    }

    #[test]
    fn room_is_bounded() {
        let decoded = DecodedRuns::new(64 * 1024);
        for row in 0..1000 {
            decoded.keep(1, row, run(100));
        }
        assert!(decoded.bytes() <= 64 * 1024, "{} bytes", decoded.bytes());
        assert!(!decoded.runs.is_empty());
        assert!(decoded.has_room_for(32 * 1024) && !decoded.has_room_for(33 * 1024));
        assert!(
            !DecodedRuns::new(0).has_room_for(0),
            "a cache that is off keeps nothing"
        );
    }
}
