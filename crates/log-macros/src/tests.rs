//! Whose name an event bears.

use std::fmt;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::prelude::*;

use super::chain;

fn plain() -> &'static str {
    function_name!()
}

fn generic<T: Default>() -> &'static str {
    drop(T::default());
    function_name!()
}

async fn asynchronous() -> &'static str {
    let inner = async {
        let closure = || function_name!();
        closure()
    };
    inner.await
}

struct Till<T>(T);

trait Closes {
    fn close(&self) -> &'static str;
}

impl<T> Till<T> {
    fn open() -> &'static str {
        function_name!()
    }
}

impl<T> Closes for Till<std::io::Result<T>> {
    fn close(&self) -> &'static str {
        function_name!()
    }
}

#[test]
fn the_name_is_that_of_the_function_alone() {
    assert_eq!(plain(), "plain");
    assert_eq!(generic::<Vec<String>>(), "generic");
    let till = Till(std::io::Result::Ok(1));
    assert_eq!((Till::<()>::open(), till.close()), ("open", "close"));
    assert!(till.0.is_ok());
    let mut future = std::pin::pin!(asynchronous());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert_eq!(
        future.as_mut().poll(&mut context),
        std::task::Poll::Ready("asynchronous")
    );
}

#[derive(Debug)]
struct RequestFailed(fmt::Error);

impl fmt::Display for RequestFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request failed")
    }
}

impl std::error::Error for RequestFailed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// Fields of the events, as `name=value`.
#[derive(Clone, Default)]
struct Fields(Arc<Mutex<Vec<String>>>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0
            .lock()
            .expect("one thread")
            .push(format!("{}={value}", field.name()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0
            .lock()
            .expect("one thread")
            .push(format!("{}={value:?}", field.name()));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let causes = std::iter::successors(value.source(), |&cause| cause.source()).count();
        self.0
            .lock()
            .expect("one thread")
            .push(format!("{}={value}+{causes}", field.name()));
    }
}

impl<S: tracing::Subscriber> Layer<S> for Fields {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        self.0
            .lock()
            .expect("one thread")
            .push(format!("{} {}", event.metadata().level(), event.metadata().target()));
        event.record(&mut self.clone());
    }
}

#[test]
fn an_event_takes_what_tracing_takes() {
    let fields = Fields::default();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(fields.clone()), || {
        let (tenant, count) = ("acme", 3);
        info!(tenant, "{count} sent");
        warn!(target: "elsewhere", ?count, %tenant, "odd");
        debug!(parent: None, "rootless");
        let error = RequestFailed(fmt::Error);
        error!(error = chain(&error), "failed");
    });
    let seen = fields.0.lock().expect("one thread").clone();
    let own = "function=an_event_takes_what_tracing_takes";
    assert_eq!(
        seen,
        [
            &format!("INFO {}", module_path!()),
            "message=3 sent",
            own,
            "tenant=acme",
            "WARN elsewhere",
            "message=odd",
            own,
            "count=3",
            "tenant=acme",
            &format!("DEBUG {}", module_path!()),
            "message=rootless",
            own,
            &format!("ERROR {}", module_path!()),
            "message=failed",
            own,
            "error=a request failed+1",
        ]
    );
}
