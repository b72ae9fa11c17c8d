//! Circuit breakers by name: after failures calls are refused at once for a while, then a probe decides; state as metrics.
//!
//! The machine is `tower-resilience-circuitbreaker`; this module names the breakers, gives them metrics and a plain call.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use skopos_sdk::breaker::{BreakerError, BreakerOptions, CircuitBreakers, Trip};
//!
//! let registry = prometheus::Registry::new();
//! let breakers = CircuitBreakers::new(&registry, "dawsos_")?;
//! let options = BreakerOptions { trip: Trip::Consecutive(2), ..BreakerOptions::default() };
//! let ratings = breakers.breaker("ratings", options)?;
//!
//! for _ in 0..2 {
//!     let failed = ratings.call(async { Err::<(), _>("no answer") }).await;
//!     assert_eq!(failed, Err(BreakerError::Failed("no answer")));
//! }
//! let refused = ratings.call(async { Ok::<_, &str>("never asked") }).await;
//! assert!(matches!(refused, Err(BreakerError::Open { .. })));
//! # Ok(()) }
//! ```

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use tower::{ServiceExt, service_fn};
use tower_resilience_circuitbreaker::{
    CircuitBreakerConfigBuilder, CircuitBreakerError, CircuitBreakerHandle, CircuitBreakerLayer, CircuitState,
    SlidingWindowType,
};

#[cfg(test)]
mod tests;

/// The label that names the breaker where none is chosen.
const DEFAULT_LABEL: &str = "agent_name";

/// When a closed breaker opens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Trip {
    /// After so many failures with no success between them.
    Consecutive(usize),
    /// When a share of the calls in a window of time has failed.
    Share {
        /// How far back calls count.
        window: Duration,
        /// Failed calls among all, above 0 and at most 1.
        share: f64,
        /// Calls that the window must hold before the share means something.
        minimum: usize,
    },
}

/// How one breaker behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakerOptions {
    /// What opens it.
    pub trip: Trip,
    /// How long it refuses before it lets a probe through. The first call after the pause makes it half-open.
    pub pause: Duration,
    /// Calls let through while half-open; when all have succeeded it closes, the first failure opens it again.
    pub probes: usize,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self {
            trip: Trip::Consecutive(5),
            pause: Duration::from_secs(30),
            probes: 1,
        }
    }
}

/// State of a breaker; the number is the value of its gauge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls go through.
    Closed = 0,
    /// Calls are refused.
    Open = 1,
    /// Probes go through.
    HalfOpen = 2,
}

impl From<CircuitState> for BreakerState {
    fn from(state: CircuitState) -> Self {
        match state {
            CircuitState::Closed => Self::Closed,
            CircuitState::Open => Self::Open,
            CircuitState::HalfOpen => Self::HalfOpen,
        }
    }
}

/// Why a call through a breaker gave no result.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BreakerError<E> {
    /// Refused without trying.
    #[error("call {name}: its circuit breaker is open")]
    Open {
        /// Name of the breaker.
        name: String,
    },
    /// Tried, and failed as the caller's own error says.
    #[error(transparent)]
    Failed(E),
}

impl<E> BreakerError<E> {
    /// The caller's own error, where the call was made.
    pub fn failed(self) -> Option<E> {
        match self {
            Self::Open { .. } => None,
            Self::Failed(error) => Some(error),
        }
    }
}

/// Why a breaker cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BreakerSetupError {
    /// The options contradict themselves.
    #[error("make circuit breaker {name}\ncounts are above 0, a share is above 0 and at most 1")]
    Options {
        /// Name of the breaker.
        name: String,
        /// What is wrong.
        #[source]
        source: tower_resilience_circuitbreaker::CircuitBreakerConfigError,
    },
}

/// All breakers of a process, with their metrics in one registry.
#[derive(Debug, Clone)]
pub struct CircuitBreakers {
    state: IntGaugeVec,
    failures: IntCounterVec,
    breakers: Arc<Mutex<HashMap<String, CircuitBreaker>>>,
}

impl CircuitBreakers {
    /// Registers `<prefix>circuit_breaker_state{agent_name}` and `<prefix>circuit_breaker_failures_total{agent_name}`.
    pub fn new(registry: &Registry, prefix: &str) -> prometheus::Result<Self> {
        Self::with_label(registry, prefix, DEFAULT_LABEL)
    }

    /// As [`CircuitBreakers::new`], with a label of another name.
    pub fn with_label(registry: &Registry, prefix: &str, label: &str) -> prometheus::Result<Self> {
        let state = IntGaugeVec::new(
            Opts::new(
                format!("{prefix}circuit_breaker_state"),
                "State of the circuit breaker: 0 closed, 1 open, 2 half-open.",
            ),
            &[label],
        )?;
        let failures = IntCounterVec::new(
            Opts::new(
                format!("{prefix}circuit_breaker_failures_total"),
                "Calls through the circuit breaker that failed; refused calls are not among them.",
            ),
            &[label],
        )?;
        registry.register(Box::new(state.clone()))?;
        registry.register(Box::new(failures.clone()))?;
        Ok(Self {
            state,
            failures,
            breakers: Arc::default(),
        })
    }

    /// The breaker of this name; the first call makes it, with its options, and its series begin at 0.
    pub fn breaker(&self, name: &str, options: BreakerOptions) -> Result<CircuitBreaker, BreakerSetupError> {
        let mut breakers = self.breakers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(breaker) = breakers.get(name) {
            return Ok(breaker.clone());
        }
        let state = self.state.with_label_values(&[name]);
        let failures = self.failures.with_label_values(&[name]);
        let breaker = CircuitBreaker::new(name, options, state, failures)?;
        breakers.insert(name.to_owned(), breaker.clone());
        Ok(breaker)
    }
}

/// One breaker; clones share its state.
#[derive(Clone)]
pub struct CircuitBreaker {
    name: Arc<str>,
    layer: CircuitBreakerLayer,
    handle: CircuitBreakerHandle,
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("name", &self.name)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

impl CircuitBreaker {
    fn new(
        name: &str,
        options: BreakerOptions,
        state: IntGauge,
        failures: IntCounter,
    ) -> Result<Self, BreakerSetupError> {
        state.set(BreakerState::Closed as i64);
        let told: Arc<str> = name.into();
        let breaker = Arc::clone(&told);
        let builder = CircuitBreakerConfigBuilder::new()
            .name(name)
            .wait_duration_in_open(options.pause)
            .permitted_calls_in_half_open(options.probes)
            .on_failure(move |_| failures.inc())
            .on_state_transition(move |from, to| {
                let (from, to) = (BreakerState::from(from), BreakerState::from(to));
                state.set(to as i64);
                tracing::info!(breaker = &*told, ?from, ?to, "circuit breaker changed state");
            });
        let builder = match options.trip {
            Trip::Consecutive(count) => builder.consecutive_failures(count),
            Trip::Share { window, share, minimum } => builder
                .sliding_window_type(SlidingWindowType::TimeBased)
                .sliding_window_duration(window)
                .failure_rate_threshold(share)
                .minimum_number_of_calls(minimum),
        };
        let (layer, handle) = builder
            .build_with_handle()
            .map_err(|source| BreakerSetupError::Options {
                name: name.to_owned(),
                source,
            })?;
        Ok(Self {
            name: breaker,
            layer,
            handle,
        })
    }

    /// Runs the call unless the breaker is open. An error counts as a failure; a call that is dropped counts as nothing.
    pub fn call<T, E, F>(&self, call: F) -> BoxFuture<'static, Result<T, BreakerError<E>>>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        // The layer's services share one state, so a service for a single call is enough.
        let service = self.layer.layer_fn(service_fn(|call: F| call));
        let name = Arc::clone(&self.name);
        Box::pin(async move {
            service.oneshot(call).await.map_err(|error| match error {
                CircuitBreakerError::OpenCircuit => BreakerError::Open { name: name.to_string() },
                CircuitBreakerError::Inner(error) => BreakerError::Failed(error),
            })
        })
    }

    /// The state now. An open breaker whose pause is over stays open until the next call.
    pub fn state(&self) -> BreakerState {
        self.handle.state().into()
    }

    /// The name that its metrics bear.
    pub fn name(&self) -> &str {
        &self.name
    }
}
