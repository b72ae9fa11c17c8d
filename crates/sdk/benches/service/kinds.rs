//! The kinds of requests, from one that does nothing to what services of the field do. Their inner steps have spans.

use std::hint::black_box;

use axum::body::Bytes;
use axum::extract::Path;
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One kind of request.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    pub(crate) what: &'static str,
    /// Requests of a round.
    pub(crate) requests: usize,
    pub(crate) body: fn() -> Bytes,
}

static KINDS: [Kind; 6] = [
    Kind {
        name: "ping",
        path: "/ping",
        what: "nothing",
        requests: 1600,
        body: Bytes::new,
    },
    Kind {
        name: "work",
        path: "/work/7",
        what: "SHA-256 of 16 KiB in a span",
        requests: 1600,
        body: Bytes::new,
    },
    Kind {
        name: "json",
        path: "/orders",
        what: "8 KiB of JSON read in one span, summed up and answered as long a document",
        requests: 800,
        body: order,
    },
    Kind {
        name: "hash",
        path: "/files/7",
        what: "SHA-256 of 256 KiB in a span",
        requests: 160,
        body: Bytes::new,
    },
    Kind {
        name: "score",
        path: "/recommendations/7",
        what: "8192 candidates of 64 dimensions scored, ranked and answered as JSON, in three spans",
        requests: 80,
        body: Bytes::new,
    },
    Kind {
        name: "infer",
        path: "/inferences/7",
        what: "as `score`, of 32768 candidates",
        requests: 24,
        body: Bytes::new,
    },
];

/// The kinds of these names; all where none is named.
pub(crate) fn wanted(names: &[&str]) -> Vec<&'static Kind> {
    KINDS
        .iter()
        .filter(|kind| names.is_empty() || names.contains(&kind.name))
        .collect()
}

pub(crate) fn router() -> Router {
    Router::new()
        .route("/ping", post(|| async { "pong" }))
        .route(
            "/work/{id}",
            post(|Path(id): Path<u8>| async move { digest(id, 16 * 1024) }),
        )
        .route(
            "/files/{id}",
            post(|Path(id): Path<u8>| async move { digest(id, 256 * 1024) }),
        )
        .route("/orders", post(totals))
        .route(
            "/recommendations/{user}",
            post(|Path(user): Path<u16>| async move { recommend(user, CANDIDATES) }),
        )
        .route(
            "/inferences/{user}",
            post(|Path(user): Path<u16>| async move { recommend(user, 4 * CANDIDATES) }),
        )
}

fn digest(byte: u8, length: usize) -> String {
    let bytes = vec![byte; length];
    let digest = tracing::info_span!("digest", length).in_scope(|| Sha256::digest(black_box(&bytes)));
    format!("{{\"digest\":\"{:02x}{:02x}\"}}", digest[0], digest[1])
}

#[derive(Serialize, Deserialize)]
struct Order {
    id: String,
    customer: String,
    lines: Vec<Line>,
    #[serde(default)]
    total_cents: u64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    article: String,
    description: String,
    quantity: u32,
    price_cents: u64,
}

/// An order of 64 lines, 8 KiB.
fn order() -> Bytes {
    let line = |number: u64| Line {
        article: format!("article-{number:05}"),
        description: "A chair of oak, with \"arms\", in the colour of honey".to_owned(),
        quantity: 3,
        price_cents: 14_900 + number,
    };
    let order = Order {
        id: "0192f1b2-7c1e-7000-8000-000000000007".to_owned(),
        customer: "acme".to_owned(),
        lines: (0..64).map(line).collect(),
        total_cents: 0,
    };
    serde_json::to_vec(&order).expect("an order").into()
}

async fn totals(body: Bytes) -> Json<Order> {
    let span = tracing::info_span!("parse", bytes = body.len());
    let mut order: Order = span.in_scope(|| serde_json::from_slice(&body)).expect("an order");
    let cents = |line: &Line| u64::from(line.quantity) * line.price_cents;
    order.total_cents = order.lines.iter().map(cents).sum();
    Json(order)
}

const CANDIDATES: usize = 8192;
const DIMENSIONS: usize = 64;

#[derive(Serialize)]
struct Recommended {
    item: usize,
    score: f32,
}

fn recommend(user: u16, candidates: usize) -> Json<Vec<Recommended>> {
    let embedding = tracing::info_span!("embed", user).in_scope(|| features(usize::from(user)));
    let mut scored: Vec<Recommended> = tracing::info_span!("score", candidates).in_scope(|| {
        let score = |item| {
            let pairs = embedding.iter().zip(features(item));
            pairs.map(|(of_user, of_item)| of_user * of_item).sum()
        };
        (0..candidates)
            .map(|item| Recommended {
                item,
                score: score(item),
            })
            .collect()
    });
    tracing::info_span!("rank").in_scope(|| {
        scored.select_nth_unstable_by(20, |a, b| b.score.total_cmp(&a.score));
        scored.truncate(20);
        scored.sort_by(|a, b| b.score.total_cmp(&a.score));
    });
    Json(scored)
}

/// Features of an item or user, from its number.
fn features(number: usize) -> [f32; DIMENSIONS] {
    std::array::from_fn(|dimension| ((number * 31 + dimension * 17) % 101) as f32 / 101.0)
}
