//! Targets that want a token, and the server that grants it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use skopos_scrape::TargetHealth;

use crate::{bench, serve};

/// A server of tokens `t1`, `t2`, … and the target that takes those from one on.
#[derive(Default)]
struct Granting {
    granted: AtomicU64,
    /// The oldest token that is good.
    oldest: AtomicU64,
    life_seconds: AtomicU64,
    /// Scrapes that had no good token.
    refused: AtomicU64,
    scraped: AtomicU64,
}

impl Granting {
    fn count(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::SeqCst)
    }

    /// Waits until a counter is beyond what it is.
    async fn beyond(counter: &AtomicU64, number: u64) {
        while Self::count(counter) <= number {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

async fn token(State(granting): State<Arc<Granting>>, headers: HeaderMap, body: String) -> impl IntoResponse {
    let life = Granting::count(&granting.life_seconds);
    // `client` and `secret`, RFC 6749 section 2.3.1.
    let is_known = headers
        .get("authorization")
        .is_some_and(|it| it == "Basic Y2xpZW50OnNlY3JldA==");
    if !is_known || body != "grant_type=client_credentials&scope=a+b&audience=metrics" || life == 0 {
        return (StatusCode::BAD_REQUEST, body).into_response();
    }
    let number = granting.granted.fetch_add(1, Ordering::SeqCst) + 1;
    let granted =
        serde_json::json!({ "access_token": format!("t{number}"), "token_type": "bearer", "expires_in": life });
    axum::Json(granted).into_response()
}

async fn metrics(State(granting): State<Arc<Granting>>, headers: HeaderMap) -> impl IntoResponse {
    let number = headers
        .get("authorization")
        .and_then(|it| it.to_str().ok()?.strip_prefix("Bearer t")?.parse().ok());
    if number.is_some_and(|number: u64| number >= Granting::count(&granting.oldest)) {
        granting.scraped.fetch_add(1, Ordering::SeqCst);
        return ([("content-type", "text/plain")], "a 1\n").into_response();
    }
    granting.refused.fetch_add(1, Ordering::SeqCst);
    StatusCode::UNAUTHORIZED.into_response()
}

#[tokio::test]
async fn a_token_is_granted_kept_and_renewed() {
    let granting = Arc::new(Granting::default());
    granting.life_seconds.store(3600, Ordering::SeqCst);
    let router = Router::new()
        .route("/token", post(token))
        .route("/metrics", get(metrics));
    let address = serve(router.with_state(Arc::clone(&granting))).await;
    let bench = bench();
    bench.apply(&format!(
        "- job_name: j\n  static_configs: [{{targets: ['{address}']}}]\n  oauth2: {{client_id: client, client_secret: secret, \
         token_url: 'http://{address}/token', scopes: [a, b], endpoint_params: {{audience: metrics}}}}\n"
    ));
    let scraped = format!("{{__name__=\"a\", instance=\"{address}\", job=\"j\"}} 1");
    bench.stored(&scraped).await;
    Granting::beyond(&granting.scraped, 3).await;
    assert_eq!(Granting::count(&granting.granted), 1, "it is kept while it lives");

    // Withdrawn: the scrape that is refused asks for another. That one dies a second after it is granted.
    granting.life_seconds.store(11, Ordering::SeqCst);
    granting.oldest.store(2, Ordering::SeqCst);
    Granting::beyond(&granting.scraped, Granting::count(&granting.scraped) + 3).await;
    let refused = Granting::count(&granting.refused);
    assert!(refused >= 1, "the withdrawn one was tried");
    assert!(Granting::count(&granting.granted) >= 2);

    Granting::beyond(&granting.granted, Granting::count(&granting.granted)).await;
    Granting::beyond(&granting.scraped, Granting::count(&granting.scraped) + 1).await;
    assert_eq!(
        Granting::count(&granting.refused),
        refused,
        "no scrape with a dead token"
    );

    granting.life_seconds.store(0, Ordering::SeqCst);
    let reason = async {
        loop {
            let target = bench.manager.targets().active[0].clone();
            if target.last_error.contains("oauth2") {
                return target;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let target = tokio::time::timeout(std::time::Duration::from_mins(1), reason)
        .await
        .expect("no token, no scrape");
    assert_eq!(target.health, TargetHealth::Down);
    assert_eq!(
        target.last_error,
        "oauth2: cannot fetch token: the token's server answers 400 Bad Request"
    );
    bench.manager.shutdown().await;
}
