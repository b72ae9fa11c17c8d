//! Alertmanager's port in this process: the router of `server` over a state machine on a clock that
//! is turned by hand.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, Weak};

use axum::body::Body;
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use skopos_alertmanager::machine::Change;
use skopos_alertmanager::{Alertmanager, Config, Effect, Outcome};
use skopos_core::ManualClock;
use skopos_core::clock::Clock as _;
use skopos_server::alertmanager::{AlertmanagerHandle, ChangeSink, HandleParts, alertmanager_router};
use skopos_server::views::ReloadStatus;
use skopos_server::{BuildInfo, Reloader};
use tower::ServiceExt as _;

use crate::alertmanager::stored::Stored;
use crate::alertmanager::timeline::Flags;

/// When scenarios begin: any time serves.
const START_MS: i64 = 1_790_000_000_000;
/// Time that a request takes.
const REQUEST_MS: i64 = 5;

/// A request.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<String>,
}

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
}

/// The port and what is behind it.
pub(super) struct Node {
    clock: Arc<ManualClock>,
    handle: Arc<AlertmanagerHandle>,
    store: Arc<Store>,
    config_text: String,
    flags: Flags,
}

/// Holds what was stored.
#[derive(Debug, Default)]
struct Store(Mutex<Stored>);

impl ChangeSink for Store {
    fn store<'a>(&'a self, changes: &'a [Change]) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        let mut stored = self.0.lock();
        for change in changes {
            stored.apply(change.clone());
        }
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Reads the same text again.
#[derive(Debug)]
struct SameText {
    handle: OnceLock<Weak<AlertmanagerHandle>>,
    text: String,
    flags: Flags,
}

impl Reloader for SameText {
    fn reload(&self) -> Result<(), String> {
        let config = read(&self.text, &self.flags)?;
        if let Some(handle) = self.handle.get().and_then(Weak::upgrade) {
            handle.reconfigure(&config);
        }
        Ok(())
    }

    fn last_reload(&self) -> ReloadStatus {
        ReloadStatus {
            succeeded: true,
            loaded_at_ms: START_MS,
            attempted_at_ms: START_MS,
        }
    }
}

fn read(text: &str, flags: &Flags) -> Result<Config, String> {
    Config::parse(text, &flags.load_options()).map_err(|error| error.to_string())
}

impl Node {
    pub(super) fn start(config_text: &str, flags: Flags) -> Result<Self, String> {
        let clock = Arc::new(ManualClock::at_ms(START_MS));
        let store = Arc::new(Store::default());
        Ok(Self {
            handle: open(config_text, &flags, &clock, &store)?,
            clock,
            store,
            config_text: config_text.to_owned(),
            flags,
        })
    }

    /// Ends the process at once and starts it again.
    pub(super) fn restart(&mut self) -> Result<(), String> {
        self.clock.advance_ms(REQUEST_MS);
        self.handle = open(&self.config_text, &self.flags, &self.clock, &self.store)?;
        Ok(())
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Lets time pass.
    pub(super) async fn sleep(&self, sleep_ms: i64) {
        let end_ms = self.clock.now_ms() + sleep_ms;
        loop {
            self.drive().await;
            match self.handle.poll().1 {
                Some(next_ms) if next_ms < end_ms => self.clock.set_ms(next_ms.max(self.clock.now_ms())),
                _ => break,
            }
        }
        self.clock.set_ms(end_ms);
        self.drive().await;
    }

    /// Does what is due. Every receiver takes what it is sent.
    async fn drive(&self) {
        loop {
            let (effects, _) = self.handle.poll();
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                if let Effect::Notify { delivery, .. } = effect {
                    let outcome = Outcome::Delivered {
                        receiver_data: Vec::new(),
                    };
                    let stored = self.handle.complete(delivery, outcome).await;
                    stored.expect("the store in memory takes everything");
                }
            }
        }
    }

    pub(super) async fn send(&self, request: Request) -> Result<Answer, String> {
        self.sleep(REQUEST_MS).await;
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&request.query)
            .finish();
        let uri = match query.as_str() {
            "" => request.path,
            query => format!("{}?{query}", request.path),
        };
        let mut builder = axum::http::Request::builder().method(request.method.as_str()).uri(uri);
        let has_type = request
            .headers
            .keys()
            .any(|name| name.eq_ignore_ascii_case("content-type"));
        if request.body.is_some() && !has_type {
            builder = builder.header("content-type", "application/json");
        }
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let request = builder
            .body(Body::from(request.body.unwrap_or_default()))
            .map_err(|error| error.to_string())?;
        let router = alertmanager_router(Arc::clone(&self.handle), &self.flags.route_prefix);
        let response = match router.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let status = response.status().as_u16();
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|error| error.to_string())?;
        self.drive().await;
        Ok(Answer {
            status,
            text: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        })
    }
}

/// Starts the machine with what was stored.
fn open(
    config_text: &str,
    flags: &Flags,
    clock: &Arc<ManualClock>,
    store: &Arc<Store>,
) -> Result<Arc<AlertmanagerHandle>, String> {
    let config = read(config_text, flags)?;
    let now_ms = clock.now_ms();
    let mut options = flags.options.clone();
    options.seed = now_ms as u64;
    let mut machine = Alertmanager::new(&config, options, now_ms);
    if let Some(error) = machine.restore(now_ms, store.0.lock().snapshot()).first() {
        return Err(error.to_string());
    }
    let reloader = Arc::new(SameText {
        handle: OnceLock::new(),
        text: config_text.to_owned(),
        flags: flags.clone(),
    });
    let handle = Arc::new(AlertmanagerHandle::new(HandleParts {
        machine,
        config_text: config.to_yaml(),
        clock: Arc::clone(clock) as _,
        sink: Arc::clone(store) as _,
        reloader: Arc::clone(&reloader) as _,
        build: BuildInfo {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: String::new(),
            branch: String::new(),
            build_date: String::new(),
        },
    }));
    reloader.handle.get_or_init(|| Arc::downgrade(&handle));
    Ok(handle)
}
