//! What one query may use: samples, time, and the caller's patience; and what its sources have to tell it.
//!
//! Engines and stores charge the budget as they go and stop at the first refusal.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{ErrorKind, Kinded};

/// The bounds of one query, shared by everything that works for it.
#[derive(Debug)]
pub struct QueryBudget {
    deadline: Option<Instant>,
    cancelled: Arc<AtomicBool>,
    max_samples: u64,
    samples: AtomicU64,
    peak_samples: AtomicU64,
    parts: AtomicU64,
    part_bytes: AtomicU64,
    warnings: Mutex<BTreeSet<String>>,
}

/// Why a budget stopped its query. The texts are Prometheus'.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// The deadline passed.
    #[error("query timed out in {stage}")]
    Timeout {
        /// What the query was doing, such as `expression evaluation`.
        stage: &'static str,
    },
    /// The caller cancelled.
    #[error("query was canceled in {stage}")]
    Cancelled {
        /// What the query was doing.
        stage: &'static str,
    },
    /// More samples would be held in memory than allowed. Prometheus' text is the same for all stages.
    #[error("query processing would load too many samples into memory in query execution")]
    TooManySamples {
        /// What the query was doing.
        stage: &'static str,
    },
}

impl Kinded for BudgetError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Timeout { .. } => ErrorKind::Timeout,
            Self::Cancelled { .. } => ErrorKind::Cancelled,
            Self::TooManySamples { .. } => ErrorKind::BadRequest,
        }
    }
}

impl QueryBudget {
    /// Prometheus' default of `--query.max-samples`.
    pub const DEFAULT_MAX_SAMPLES: u64 = 50_000_000;

    /// A budget of `max_samples` held at once and `timeout` of wall time from now.
    pub fn new(max_samples: u64, timeout: Option<Duration>) -> Self {
        Self {
            deadline: timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
            cancelled: Arc::new(AtomicBool::new(false)),
            max_samples,
            samples: AtomicU64::new(0),
            peak_samples: AtomicU64::new(0),
            parts: AtomicU64::new(0),
            part_bytes: AtomicU64::new(0),
            warnings: Mutex::new(BTreeSet::new()),
        }
    }

    /// No bound but the default number of samples.
    pub fn unbounded() -> Self {
        Self::new(Self::DEFAULT_MAX_SAMPLES, None)
    }

    /// A budget with nothing held, the same bounds, the same deadline and the same cancel flag: for work that asks
    /// several queries, one after the other.
    #[must_use]
    pub fn renewed(&self) -> Self {
        Self {
            deadline: self.deadline,
            cancelled: Arc::clone(&self.cancelled),
            max_samples: self.max_samples,
            samples: AtomicU64::new(0),
            peak_samples: AtomicU64::new(0),
            parts: AtomicU64::new(0),
            part_bytes: AtomicU64::new(0),
            warnings: Mutex::new(BTreeSet::new()),
        }
    }

    /// As [`QueryBudget::renewed`] with another bound of samples.
    #[must_use]
    pub fn with_max_samples(&self, max_samples: u64) -> Self {
        Self {
            max_samples,
            ..self.renewed()
        }
    }

    /// A flag that cancels the query when set.
    pub fn cancel_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cancelled)
    }

    /// Fails if the deadline passed or the caller cancelled.
    pub fn check(&self, stage: &'static str) -> Result<(), BudgetError> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(BudgetError::Cancelled { stage });
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(BudgetError::Timeout { stage }),
            _ => Ok(()),
        }
    }

    /// Counts `count` samples as held in memory.
    pub fn charge(&self, count: usize, stage: &'static str) -> Result<(), BudgetError> {
        let before = self.samples.fetch_add(count as u64, Ordering::Relaxed);
        let held = before.saturating_add(count as u64);
        self.peak_samples.fetch_max(held, Ordering::Relaxed);
        if held > self.max_samples {
            return Err(BudgetError::TooManySamples { stage });
        }
        Ok(())
    }

    /// Fails if `count` samples more would be too many. Asked before memory is taken for them;
    /// nothing is counted.
    pub fn check_room(&self, count: usize, stage: &'static str) -> Result<(), BudgetError> {
        let wanted = self.samples.load(Ordering::Relaxed).saturating_add(count as u64);
        if wanted > self.max_samples {
            return Err(BudgetError::TooManySamples { stage });
        }
        Ok(())
    }

    /// Gives back `count` samples that are no longer held.
    pub fn release(&self, count: usize) {
        self.samples.fetch_sub(count as u64, Ordering::Relaxed);
    }

    /// Notes that a part was read, and how many encoded bytes of it.
    pub fn note_part(&self, bytes: u64) {
        self.parts.fetch_add(1, Ordering::Relaxed);
        self.part_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Notes what the result lacks because a source did not give it; each text is told once.
    pub fn warn(&self, text: String) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.insert(text);
    }

    /// What was noted so far, in the order of the texts.
    pub fn warnings(&self) -> Vec<String> {
        let warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.iter().cloned().collect()
    }

    /// Parts read so far; one counts each time it is read.
    pub fn parts(&self) -> u64 {
        self.parts.load(Ordering::Relaxed)
    }

    /// Encoded bytes read of parts so far.
    pub fn part_bytes(&self) -> u64 {
        self.part_bytes.load(Ordering::Relaxed)
    }

    /// Most samples held at once so far.
    pub fn peak_samples(&self) -> u64 {
        self.peak_samples.load(Ordering::Relaxed)
    }
}
