//! A receiver of remote write 1.0 that answers as it is told and keeps what it took.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use parking_lot::Mutex;
use skopos_core::metric::MetricValue;
use skopos_wire::remote_write::{Buffers, decode_remote_write};

use super::Samples;
use crate::webhook::eventually;

pub(super) struct Receiver {
    pub(super) url: String,
    seen: Arc<Mutex<Seen>>,
    serving: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    next: VecDeque<u16>,
    always: Option<u16>,
    requests: usize,
    /// Every sample that was taken, as often as it was.
    taken: Vec<((String, i64), u64)>,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let router = Router::new().route("/write", post(take)).with_state(Arc::clone(&seen));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self {
            url: format!("http://{address}/write"),
            seen,
            serving,
        }
    }

    /// Answers the next requests so, and those after them as before.
    pub(super) fn answer_next(&self, statuses: &[u16]) {
        self.seen.lock().next.extend(statuses);
    }

    /// Answers all requests so.
    pub(super) fn answer_always(&self, status: u16) {
        self.seen.lock().always = Some(status);
    }

    pub(super) fn requests(&self) -> usize {
        self.seen.lock().requests
    }

    /// What was taken; a sample that was taken twice is a failure.
    pub(super) fn received(&self) -> Samples {
        let taken = self.seen.lock().taken.clone();
        let count = taken.len();
        let samples: Samples = taken.into_iter().collect();
        assert_eq!(samples.len(), count, "samples were taken twice");
        samples
    }

    pub(super) async fn wait_for(&self, expected: &Samples) {
        eventually("the samples are received", async || {
            (self.received() == *expected).then_some(())
        })
        .await;
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(State(seen): State<Arc<Mutex<Seen>>>, body: Bytes) -> StatusCode {
    let mut seen = seen.lock();
    seen.requests += 1;
    let next = seen.next.pop_front();
    let status = next.or(seen.always).unwrap_or(204);
    if status == 204 {
        let write = decode_remote_write(&body, 1 << 24, &mut Buffers::default()).expect("a good write");
        assert_eq!(write.report.refused_count(), 0, "{:?}", write.report);
        let packed = write.floats.to_batch().series;
        for series in packed.into_iter().chain(write.batch.series) {
            for sample in series.samples {
                let MetricValue::Float(value) = sample.value else {
                    panic!("only floats are sent");
                };
                let key = (series.labels.get("series").to_owned(), sample.timestamp_ms);
                seen.taken.push((key, value as u64));
            }
        }
    }
    StatusCode::from_u16(status).expect("a status")
}
