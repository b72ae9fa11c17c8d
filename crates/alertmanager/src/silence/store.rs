//! All silences, and the rules by which they change.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use skopos_core::Labels;

use super::index::SilenceIndex;
use super::{PostableSilence, Silence, SilenceError, SilenceState};
use crate::{MatchOp, Matcher};

const MS_PER_SECOND: i64 = 1000;

/// Bounds of silences; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SilenceLimits {
    /// Most silences, expired ones included (`--silences.max-silences`).
    pub max_silences: Option<usize>,
    /// Largest silence in bytes (`--silences.max-silence-size-bytes`).
    pub max_size_bytes: Option<usize>,
}

/// All silences by id.
#[derive(Debug, Default)]
pub struct SilenceStore {
    silences: HashMap<String, Arc<Silence>>,
    /// Those that had not ended when they were put.
    index: SilenceIndex,
    limits: SilenceLimits,
    /// How often it was asked what silences an alert.
    queries: AtomicU64,
}

impl SilenceStore {
    /// A store without silences.
    pub fn new(limits: SilenceLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Makes or changes a silence. A change that alters what an existing one meant ends that one
    /// and makes another. Gives every silence that is new or changed, the one asked for last.
    /// `draw_id` is asked until it gives an id that is not taken.
    pub fn set(
        &mut self,
        now_ms: i64,
        posted: PostableSilence,
        mut draw_id: impl FnMut() -> String,
    ) -> Result<Vec<Arc<Silence>>, SilenceError> {
        check(now_ms, &posted)?;
        let previous = match &posted.id {
            Some(id) => Some(Arc::clone(self.silences.get(id).ok_or(SilenceError::NotFound)?)),
            None => None,
        };
        let mut silence = Silence {
            id: posted.id.unwrap_or_default(),
            matchers: posted.matchers,
            starts_at_ms: posted.starts_at_ms,
            ends_at_ms: posted.ends_at_ms,
            updated_at_ms: now_ms,
            created_by: posted.created_by,
            comment: posted.comment,
            annotations: posted.annotations,
        };
        silence.annotations.sort();
        if let Some(previous) = previous
            .as_ref()
            .filter(|previous| can_update(previous, &silence, now_ms))
        {
            // The parts of a second that a client may have lost are no change.
            if previous.state(now_ms) == SilenceState::Active {
                silence.starts_at_ms = previous.starts_at_ms;
            }
            self.check_size(&silence)?;
            let silence = Arc::new(silence);
            self.put(Arc::clone(&silence), now_ms);
            return Ok(vec![silence]);
        }
        self.check_count()?;
        silence.id = draw_id();
        while self.silences.contains_key(&silence.id) {
            silence.id = draw_id();
        }
        silence.starts_at_ms = silence.starts_at_ms.max(now_ms);
        self.check_size(&silence)?;
        let mut changed = Vec::new();
        if let Some(previous) = previous {
            changed.extend(self.expire(now_ms, &previous.id)?);
        }
        let silence = Arc::new(silence);
        self.put(Arc::clone(&silence), now_ms);
        changed.push(silence);
        Ok(changed)
    }

    /// Ends a silence; gives it, unless it had ended already.
    pub fn expire(&mut self, now_ms: i64, id: &str) -> Result<Option<Arc<Silence>>, SilenceError> {
        let silence = self.silences.get(id).ok_or(SilenceError::NotFound)?;
        let mut ended = Silence::clone(silence);
        match silence.state(now_ms) {
            SilenceState::Expired => return Ok(None),
            SilenceState::Active => {}
            SilenceState::Pending => ended.starts_at_ms = now_ms,
        }
        ended.ends_at_ms = now_ms;
        ended.updated_at_ms = now_ms;
        let ended = Arc::new(ended);
        self.put(Arc::clone(&ended), now_ms);
        Ok(Some(ended))
    }

    /// Takes over a silence of another member or of a snapshot, unless a younger state of it is
    /// known; says whether it did.
    pub fn merge(&mut self, silence: Arc<Silence>, now_ms: i64) -> bool {
        let is_news = self
            .silences
            .get(&silence.id)
            .is_none_or(|known| known.updated_at_ms < silence.updated_at_ms);
        if is_news {
            self.put(silence, now_ms);
        }
        is_news
    }

    fn put(&mut self, silence: Arc<Silence>, now_ms: i64) {
        if let Some(old) = self.silences.get(&silence.id) {
            self.index.remove(old);
        }
        if silence.state(now_ms) != SilenceState::Expired {
            self.index.insert(&silence);
        }
        self.silences.insert(silence.id.clone(), silence);
    }

    /// A silence by its id.
    pub fn get(&self, id: &str) -> Option<&Arc<Silence>> {
        self.silences.get(id)
    }

    /// All silences in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Silence>> {
        self.silences.values()
    }

    /// Number of silences, expired ones included.
    pub fn len(&self) -> usize {
        self.silences.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.silences.is_empty()
    }

    /// Ids of the active silences that match, sorted.
    pub fn silencing(&self, labels: &Labels, now_ms: i64) -> Vec<String> {
        self.queries.fetch_add(1, Ordering::Relaxed);
        let mut ids: Vec<String> = self
            .index
            .candidates(labels)
            .filter(|id| {
                self.silences
                    .get(*id)
                    .is_some_and(|silence| silence.state(now_ms) == SilenceState::Active && silence.matches(labels))
            })
            .map(str::to_owned)
            .collect();
        ids.sort_unstable();
        ids
    }

    /// How often [`SilenceStore::silencing`] was asked.
    pub fn queries(&self) -> u64 {
        self.queries.load(Ordering::Relaxed)
    }

    /// Drops silences that ended more than `retention_ms` ago; gives their ids.
    pub fn collect_garbage(&mut self, now_ms: i64, retention_ms: i64) -> Vec<String> {
        let mut dropped = Vec::new();
        let index = &mut self.index;
        self.silences.retain(|id, silence| {
            if silence.state(now_ms) == SilenceState::Expired {
                index.remove(silence);
            }
            let keeps = silence.ends_at_ms.saturating_add(retention_ms) > now_ms;
            if !keeps {
                dropped.push(id.clone());
            }
            keeps
        });
        dropped
    }

    fn check_count(&self) -> Result<(), SilenceError> {
        let count = self.silences.len() + 1;
        match self.limits.max_silences {
            Some(limit) if count > limit => Err(SilenceError::TooMany { count, limit }),
            _ => Ok(()),
        }
    }

    fn check_size(&self, silence: &Silence) -> Result<(), SilenceError> {
        let size = silence.size_bytes();
        match self.limits.max_size_bytes {
            Some(limit) if size > limit => Err(SilenceError::TooLarge { size, limit }),
            _ => Ok(()),
        }
    }
}

fn check(now_ms: i64, posted: &PostableSilence) -> Result<(), SilenceError> {
    if posted.starts_at_ms >= posted.ends_at_ms {
        return Err(SilenceError::EndsBeforeStart);
    }
    if posted.ends_at_ms < now_ms {
        return Err(SilenceError::EndsInPast);
    }
    if posted.matchers.is_empty() {
        return Err(SilenceError::NoMatchers);
    }
    if let Some(index) = posted.matchers.iter().position(|matcher| matcher.name().is_empty()) {
        let name = posted.matchers[index].name().to_owned();
        return Err(SilenceError::LabelName { index, name });
    }
    if posted.matchers.iter().all(matches_empty) {
        return Err(SilenceError::MatchesEverything);
    }
    Ok(())
}

/// Whether the matcher alone would let a silence hold back everything. A negative matcher counts
/// as one that does not.
fn matches_empty(matcher: &Matcher) -> bool {
    match matcher.op() {
        MatchOp::Equal | MatchOp::Regex => matcher.matches(""),
        MatchOp::NotEqual | MatchOp::NotRegex => false,
    }
}

/// Whether a silence may become another under the same id.
fn can_update(previous: &Silence, next: &Silence, now_ms: i64) -> bool {
    if previous.matchers != next.matchers {
        return false;
    }
    let second = |time_ms: i64| time_ms.div_euclid(MS_PER_SECOND);
    match previous.state(now_ms) {
        SilenceState::Active => second(previous.starts_at_ms) == second(next.starts_at_ms) && next.ends_at_ms >= now_ms,
        SilenceState::Pending => next.starts_at_ms >= now_ms,
        SilenceState::Expired => false,
    }
}
