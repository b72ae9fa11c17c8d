//! `/api/v1/notifications` and `/api/v1/notifications/live`: what the operator should know of this
//! server, as a list and as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use super::envelope::success;
use crate::router::{App, Shared};
use crate::time::rfc3339;

/// Most listeners at once (`--web.max-notifications-subscribers`).
const MAX_LISTENERS: usize = 16;
/// How often the state is looked at while someone listens.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Events that may wait for a slow listener.
const WAITING_EVENTS: usize = 8;

const RELOAD_FAILED: &str = "Configuration reload has failed.";
const SHUTTING_DOWN: &str = "The server is shutting down and gracefully stopping all operations.";

/// Who may listen yet.
#[derive(Debug, Clone)]
pub(crate) struct Listeners(Arc<Semaphore>);

impl Default for Listeners {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_LISTENERS)))
    }
}

/// A notification as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Notification {
    text: &'static str,
    date: String,
    active: bool,
}

/// The notifications that are active.
pub(crate) async fn list(State(app): State<Shared>) -> Response {
    success(active(&app))
}

/// The notifications as they begin and end; 204 where too many listen already.
pub(crate) async fn live(State(app): State<Shared>) -> Response {
    let Ok(permit) = Arc::clone(&app.listeners.0).try_acquire_owned() else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let (sender, events) = mpsc::channel(WAITING_EVENTS);
    tokio::spawn(watch(app, sender, permit));
    Sse::new(ReceiverStream::new(events))
        .keep_alive(KeepAlive::default())
        .into_response()
}

/// Sends what changed until the listener goes away or the server stops.
async fn watch(app: Shared, sender: mpsc::Sender<Result<Event, Infallible>>, _permit: OwnedSemaphorePermit) {
    let mut shown: Vec<Notification> = Vec::new();
    loop {
        let now = active(&app);
        let begun = now.iter().filter(|notification| !shown.contains(notification));
        let ended = shown.iter().filter(|notification| !now.contains(notification));
        let ended = ended.map(|notification| Notification {
            active: false,
            ..notification.clone()
        });
        for notification in begun.cloned().chain(ended).collect::<Vec<_>>() {
            let Ok(event) = Event::default().json_data(&notification) else {
                return;
            };
            if sender.send(Ok(event)).await.is_err() {
                return;
            }
        }
        shown = now;
        tokio::select! {
            () = sender.closed() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if !app.state.readiness.is_ready() {
            return;
        }
    }
}

fn active(app: &App) -> Vec<Notification> {
    let reload = app.state.reloader.last_reload();
    let mut active = Vec::new();
    if !reload.succeeded {
        active.push(Notification {
            text: RELOAD_FAILED,
            date: rfc3339(Some(reload.attempted_at_ms)),
            active: true,
        });
    }
    if !app.state.readiness.is_ready() {
        active.push(Notification {
            text: SHUTTING_DOWN,
            date: rfc3339(Some(app.state.clock.now_ms())),
            active: true,
        });
    }
    active
}
