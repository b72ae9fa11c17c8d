//! A panic as an event: level, stack and filter.

use std::sync::{Arc, Mutex};

use sentry::protocol::{Event, Level};
use sentry::{ClientOptions, Envelope, Hub, Scope};
use skopos_pii::ServiceFilter;
use tracing_subscriber::prelude::*;

use super::{Errors, scrub_event};
use crate::panic_hook;

struct Nowhere;

impl sentry::Transport for Nowhere {
    fn send_envelope(&self, _: Envelope) {}
}

#[test]
fn a_panic_is_a_fatal_event_with_its_stack() {
    let seen: Arc<Mutex<Vec<Event<'static>>>> = Arc::default();
    let copy = Arc::clone(&seen);
    let filter = ServiceFilter::strict();
    let mut options = ClientOptions::new();
    options.dsn = "http://key@localhost/7".parse().ok();
    options.default_integrations = false;
    options.transport = Some(Arc::new(|_: &ClientOptions| -> Arc<dyn sentry::Transport> {
        Arc::new(Nowhere)
    }));
    options.before_send = Some(Arc::new(move |event| {
        copy.lock()
            .expect("no panic while held")
            .extend(scrub_event(&filter, event));
        None
    }));
    let client = Arc::new(sentry::Client::with_options(options));
    let hub = Arc::new(Hub::new(Some(client), Arc::new(Scope::default())));
    let subscriber = tracing_subscriber::registry().with(Errors { hub }.layer());
    panic_hook::install();
    tracing::subscriber::with_default(subscriber, || {
        let ended = std::panic::catch_unwind(|| panic!("no room, password=hunter2"));
        assert!(ended.is_err());
    });
    let seen = seen.lock().expect("no panic while held");
    let [event] = seen.as_slice() else {
        panic!("one event, not {}", seen.len())
    };
    assert_eq!(event.level, Level::Fatal);
    let exception = &event.exception.values[0];
    assert_eq!(exception.ty, "panic");
    assert_eq!(exception.value.as_deref(), Some("no room, password=[REDACTED]"));
    assert!(
        exception
            .stacktrace
            .as_ref()
            .is_some_and(|stack| !stack.frames.is_empty())
    );
}
