//! Counts the instructions of a request: requests within one process, without sockets, under valgrind's callgrind.

use std::hint::black_box;

use axum::body::Body;
use http_body_util::BodyExt;
use tower::Service;

use crate::kinds::Kind;
use crate::server::{self, Serves};
use crate::{callgrind, kinds};

/// First argument of such a run; the server, the kind of requests and their number follow.
pub(crate) const REQUESTS: &str = "--requests";

/// Asks a service for so many requests of a kind, one after the other.
pub(crate) fn run(serves: Serves, kind: &Kind, count: u64) {
    let (router, observability) = server::service(serves);
    // As for a connection: else the layer would be laid anew over each request's handler.
    let mut service = router.with_state::<()>(()).into_service();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let body = (kind.body)();
    runtime.expect("a runtime").block_on(async {
        for _ in 0..count {
            let request = http::Request::post(kind.path)
                .header("host", "bench")
                .header("user-agent", "bench/1")
                .header("content-length", body.len())
                .body(Body::from(body.clone()));
            let Ok(response) = service.call(request.expect("a request")).await;
            assert!(response.status().is_success(), "{}: {}", kind.path, response.status());
            black_box(response.into_body().collect().await.expect("a body"));
        }
    });
    if let Some(observability) = observability {
        observability.shutdown();
    }
}

/// The plain service beside the SDK's part of an unsampled and of a sampled request.
#[expect(clippy::print_stdout, reason = "the result of the program")]
pub(crate) fn print(wanted: &[&str]) {
    for kind in kinds::wanted(wanted) {
        let counts = [kind.requests as u64 / 4, kind.requests as u64];
        let of = |serves: Serves| callgrind::instructions(&[REQUESTS, serves.word(), kind.name], counts);
        let plain = of(Serves::Plain);
        let [unsampled, sampled] = [Serves::Unsampled, Serves::Sampled].map(|serves| of(serves) - plain);
        println!(
            "{:<6} plain {plain:9.0} instructions, the SDK's part unsampled {unsampled:6.0}, sampled {sampled:6.0}; at 10 % {:6.0}",
            kind.name,
            0.9 * unsampled + 0.1 * sampled,
        );
    }
}
