//! Keeps the alertmanager's changes in SQLite, and gives them back after a restart.

use std::future::Future;
use std::pin::Pin;

use serde::de::DeserializeOwned;
use skopos_alertmanager::machine::{Change, Snapshot};
use skopos_server::ChangeSink;
use skopos_state::{Kind, StateError, StateStore};

/// Stores changes.
#[derive(Debug)]
pub(super) struct Keeper {
    state: StateStore,
}

impl Keeper {
    pub(super) fn new(state: StateStore) -> Self {
        Self { state }
    }
}

impl ChangeSink for Keeper {
    fn store<'a>(&'a self, changes: &'a [Change]) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>> {
        Box::pin(async move {
            let documents: Vec<skopos_state::Change> = changes.iter().map(document).collect();
            self.state.apply(&documents).await.map_err(|error| error.to_string())
        })
    }
}

fn document(change: &Change) -> skopos_state::Change {
    let (kind, body) = match change {
        Change::PutAlert(alert) => (Kind::Alert, Some(serde_json::to_string(alert))),
        Change::RemoveAlert(_) => (Kind::Alert, None),
        Change::PutSilence(silence) => (Kind::Silence, Some(serde_json::to_string(silence))),
        Change::RemoveSilence(_) => (Kind::Silence, None),
        Change::PutLogEntry(entry) => (Kind::NotificationLog, Some(serde_json::to_string(entry))),
        Change::RemoveLogEntry(_) => (Kind::NotificationLog, None),
    };
    skopos_state::Change {
        kind,
        key: change.key(),
        body: body.map(|text| text.expect("stored values are plain data")),
    }
}

/// Everything that was stored, and what of it cannot be read.
pub(super) async fn snapshot(state: &StateStore) -> Result<(Snapshot, Vec<String>), StateError> {
    let mut problems = Vec::new();
    let snapshot = Snapshot {
        alerts: read(state, Kind::Alert, &mut problems).await?,
        silences: read(state, Kind::Silence, &mut problems).await?,
        log: read(state, Kind::NotificationLog, &mut problems).await?,
    };
    Ok((snapshot, problems))
}

async fn read<T: DeserializeOwned>(
    state: &StateStore,
    kind: Kind,
    problems: &mut Vec<String>,
) -> Result<Vec<T>, StateError> {
    let mut values = Vec::new();
    for document in state.documents(kind).await? {
        match serde_json::from_str(&document.body) {
            Ok(value) => values.push(value),
            Err(error) => problems.push(format!(
                "the stored {kind:?} {} cannot be read and is left out: {error}",
                document.key
            )),
        }
    }
    Ok(values)
}
