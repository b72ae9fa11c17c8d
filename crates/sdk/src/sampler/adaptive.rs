//! A sampler that keeps about so many roots a second, whatever the load.
//!
//! The share for a second follows from the roots of the second before, so a burst is let through for one second at
//! most and then cut to the rate; a quiet service keeps every trace. The share is applied to the trace id, as the ratio
//! sampler does, so that services with equal shares agree. With `ERRORS_ALWAYS` failed requests stay on top.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingResult, ShouldSample};

/// Roots a second where no argument says otherwise.
pub(super) const DEFAULT_PER_SECOND: f64 = 10.0;

/// Decides by the load of the last second.
#[derive(Debug, Clone)]
pub(crate) struct AdaptiveSampler {
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    per_second: f64,
    started: Instant,
    /// The second that is counted.
    second: AtomicU64,
    /// Roots in that second.
    roots: AtomicU64,
    /// Bits of the share of this second.
    share: AtomicU64,
}

impl AdaptiveSampler {
    pub(crate) fn new(per_second: f64) -> Self {
        Self {
            state: Arc::new(State {
                per_second,
                started: Instant::now(),
                second: AtomicU64::new(0),
                roots: AtomicU64::new(0),
                share: AtomicU64::new(1.0_f64.to_bits()),
            }),
        }
    }
}

impl State {
    /// Counts a root in this second and says the share of roots to keep.
    fn share_at(&self, second: u64) -> f64 {
        let counted = self.second.load(Ordering::Relaxed);
        let turn = second > counted
            && self
                .second
                .compare_exchange(counted, second, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if turn {
            let roots = self.roots.swap(0, Ordering::Relaxed) as f64;
            // Idle seconds in between share the load of the counted one.
            let load = roots / (second - counted) as f64;
            let share = if load > self.per_second {
                self.per_second / load
            } else {
                1.0
            };
            self.share.store(share.to_bits(), Ordering::Relaxed);
        }
        self.roots.fetch_add(1, Ordering::Relaxed);
        f64::from_bits(self.share.load(Ordering::Relaxed))
    }
}

impl ShouldSample for AdaptiveSampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let share = self.state.share_at(self.state.started.elapsed().as_secs());
        Sampler::TraceIdRatioBased(share).should_sample(parent, trace_id, name, kind, attributes, links)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_follows_the_load_of_the_second_before() {
        let sampler = AdaptiveSampler::new(10.0);
        for _ in 0..100 {
            assert_eq!(sampler.state.share_at(0), 1.0);
        }
        assert_eq!(sampler.state.share_at(1), 0.1);
        // One root in second 1, none in 2 and 3: quiet again.
        assert_eq!(sampler.state.share_at(4), 1.0);
    }
}
