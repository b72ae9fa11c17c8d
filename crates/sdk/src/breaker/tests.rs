//! A breaker opens, refuses, probes and closes, and its metrics say so.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn breakers() -> (Registry, CircuitBreakers) {
    let registry = Registry::new();
    let breakers = CircuitBreakers::new(&registry, "dawsos_").expect("names are free");
    (registry, breakers)
}

fn options(trip: Trip, pause: Duration) -> BreakerOptions {
    BreakerOptions { trip, pause, probes: 1 }
}

async fn fail(breaker: &CircuitBreaker) -> Result<(), BreakerError<&'static str>> {
    breaker.call(async { Err("down") }).await
}

async fn succeed(breaker: &CircuitBreaker) -> Result<(), BreakerError<&'static str>> {
    breaker.call(async { Ok(()) }).await
}

fn exposition(registry: &Registry) -> String {
    crate::metrics::render(registry)
}

#[tokio::test]
async fn consecutive_failures_open_it_and_calls_are_refused_unmade() {
    let (registry, breakers) = breakers();
    let breaker = breakers
        .breaker("ratings", options(Trip::Consecutive(3), Duration::from_hours(1)))
        .expect("valid");
    for _ in 0..2 {
        assert_eq!(fail(&breaker).await, Err(BreakerError::Failed("down")));
    }
    assert_eq!(succeed(&breaker).await, Ok(()));
    for _ in 0..3 {
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert_eq!(fail(&breaker).await, Err(BreakerError::Failed("down")));
    }
    assert_eq!(breaker.state(), BreakerState::Open);
    let made = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&made);
    let refused = breaker
        .call(async move {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok::<_, &str>(())
        })
        .await;
    assert_eq!(refused, Err(BreakerError::Open { name: "ratings".into() }));
    assert_eq!(made.load(Ordering::Relaxed), 0);
    let text = exposition(&registry);
    assert!(
        text.contains(r#"dawsos_circuit_breaker_state{agent_name="ratings"} 1"#),
        "{text}"
    );
    assert!(
        text.contains(r#"dawsos_circuit_breaker_failures_total{agent_name="ratings"} 5"#),
        "{text}"
    );
}

/// Calls until the pause is over: each refusal costs nothing but the loop.
async fn probe(breaker: &CircuitBreaker, works: bool) {
    loop {
        let result = if works {
            succeed(breaker).await
        } else {
            fail(breaker).await
        };
        match result {
            Err(BreakerError::Open { .. }) => tokio::task::yield_now().await,
            _ => return,
        }
    }
}

#[tokio::test]
async fn a_probe_decides_after_the_pause() {
    let (registry, breakers) = breakers();
    let breaker = breakers
        .breaker("prices", options(Trip::Consecutive(1), Duration::from_millis(5)))
        .expect("valid");
    fail(&breaker).await.expect_err("fails");
    assert_eq!(breaker.state(), BreakerState::Open);
    probe(&breaker, false).await;
    assert_eq!(breaker.state(), BreakerState::Open, "a failed probe opens it again");
    probe(&breaker, true).await;
    assert_eq!(breaker.state(), BreakerState::Closed);
    let text = exposition(&registry);
    assert!(
        text.contains(r#"dawsos_circuit_breaker_state{agent_name="prices"} 0"#),
        "{text}"
    );
}

#[tokio::test]
async fn half_open_lets_one_probe_through_and_shows_it() {
    let (registry, breakers) = breakers();
    let breaker = breakers
        .breaker("ledger", options(Trip::Consecutive(1), Duration::from_millis(1)))
        .expect("valid");
    fail(&breaker).await.expect_err("fails");
    let (release, wait) = tokio::sync::oneshot::channel::<()>();
    let (admitted, started) = tokio::sync::oneshot::channel::<()>();
    let probing = breaker.clone();
    let task = tokio::spawn(async move {
        let ends = Arc::new(Mutex::new(Some((admitted, wait))));
        loop {
            let ends = Arc::clone(&ends);
            let call = async move {
                let (admitted, wait) = ends.lock().expect("not poisoned").take().expect("one probe");
                admitted.send(()).expect("the test listens");
                wait.await.map_err(|_| "dropped")
            };
            match probing.call(call).await {
                Err(BreakerError::Open { .. }) => tokio::task::yield_now().await,
                result => return result,
            }
        }
    });
    started.await.expect("the probe runs");
    let text = exposition(&registry);
    assert!(
        text.contains(r#"dawsos_circuit_breaker_state{agent_name="ledger"} 2"#),
        "{text}"
    );
    assert_eq!(
        succeed(&breaker).await,
        Err(BreakerError::Open { name: "ledger".into() })
    );
    release.send(()).expect("the probe waits");
    assert_eq!(task.await.expect("joins"), Ok(()));
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test]
async fn a_share_of_failures_opens_it_once_enough_calls_are_seen() {
    let (_, breakers) = breakers();
    let trip = Trip::Share {
        window: Duration::from_hours(1),
        share: 0.5,
        minimum: 4,
    };
    let breaker = breakers
        .breaker("macro", options(trip, Duration::from_hours(1)))
        .expect("valid");
    for works in [true, false, true] {
        drop(if works {
            succeed(&breaker).await
        } else {
            fail(&breaker).await
        });
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
    fail(&breaker).await.expect_err("fails");
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test]
async fn one_name_is_one_breaker_and_wrong_options_are_refused() {
    let (_, breakers) = breakers();
    let once = options(Trip::Consecutive(1), Duration::from_hours(1));
    let first = breakers.breaker("a", once).expect("valid");
    fail(&first).await.expect_err("fails");
    let second = breakers.breaker("a", BreakerOptions::default()).expect("valid");
    assert_eq!(second.state(), BreakerState::Open);
    let wrong = options(Trip::Consecutive(0), Duration::from_secs(1));
    let error = breakers.breaker("b", wrong).expect_err("refused").to_string();
    assert!(error.contains("circuit breaker b"), "{error}");
}
