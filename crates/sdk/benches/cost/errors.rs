//! An error that is logged and captured: its line with its causes, and its event with what was logged before, both filtered,
//! the event serialized and handed to the client's queue. Who takes it is a server of this process, on a thread of its own.

use std::error::Error;
use std::fmt;
use std::hint::black_box;

use crate::case::{Case, case, sdk_of};

/// An error by what it says, and what caused it.
#[derive(Debug)]
struct Because(&'static str, Option<Box<Self>>);

impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Because {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|cause| cause as _)
    }
}

pub(crate) fn cases() -> Vec<Case> {
    vec![case("error_captured", "two causes, ten breadcrumbs", || {
        let taker = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
        let address = taker.local_addr().expect("bound");
        std::thread::spawn(move || take(taker));
        let observability = sdk_of(&[
            ("SENTRY_DSN", &format!("http://key@{address}/1")),
            ("PII_FILTER", "strict"),
        ]);
        let reset = Because("connection reset by peer", None);
        let refused = Because("the provider does not answer", Some(Box::new(reset)));
        let failed = Because("payment of anna@example.com failed", Some(Box::new(refused)));
        let dispatch = observability.dispatch().clone();
        let request = tracing::dispatcher::with_default(&dispatch, || tracing::info_span!("request", user = "u-17"));
        let within = move |run: &mut dyn FnMut()| {
            tracing::dispatcher::with_default(&dispatch, || request.in_scope(run));
        };
        within(&mut || (0..10).for_each(|attempt| tracing::info!(attempt, "asking the provider")));
        Box::new(move |count| {
            black_box(&observability);
            within(&mut || {
                for _ in 0..count {
                    let error: &(dyn Error + 'static) = &failed;
                    tracing::error!(error, tenant = "acme", order = 4711, "payment failed");
                }
            });
        })
    })]
}

/// Takes whatever is sent, and keeps none of it.
fn take(listener: std::net::TcpListener) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        listener.set_nonblocking(true).expect("a socket");
        let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
        let router = axum::Router::new().fallback(async |_: axum::body::Bytes| ());
        axum::serve(listener, router).await.expect("serves");
    });
}
