//! The objects of the Prometheus operator in a cluster, followed as they change.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::monitors::ClusterAccess;

use super::cluster::Cluster;
use super::custom::Custom;
use super::view::{Attach, ClusterView, Kind};
use super::{MAX_WAITING, RETRY, watch};

/// Objects are told at most this often: each time the whole configuration is loaded anew.
const TELL_INTERVAL: Duration = Duration::from_secs(5);

/// The monitors and rules of a cluster. Dropped, they are followed no more.
#[derive(Debug)]
pub struct OperatorObjects {
    changes: mpsc::Receiver<Vec<Value>>,
    _task: JoinHandle<()>,
    _stop: DropGuard,
}

impl OperatorObjects {
    /// Waits for a change; gives all objects.
    pub async fn changed(&mut self) -> Option<Vec<Value>> {
        self.changes.recv().await
    }
}

/// Begins to follow ServiceMonitors, PodMonitors, Probes and PrometheusRules of all namespaces. Relative
/// file names start at `folder`.
pub fn follow_operator(access: ClusterAccess, folder: PathBuf) -> OperatorObjects {
    let stop = CancellationToken::new();
    let (sender, changes) = mpsc::channel(1);
    let ended = stop.clone();
    let task = tokio::spawn(async move {
        tokio::select! {
            () = ended.cancelled() => {}
            () = follow(access, folder, sender) => {}
        }
    });
    OperatorObjects {
        changes,
        _task: task,
        _stop: stop.drop_guard(),
    }
}

async fn follow(access: ClusterAccess, folder: PathBuf, told: mpsc::Sender<Vec<Value>>) {
    let cluster = loop {
        match Cluster::at(&access, &folder) {
            Ok(cluster) => break cluster,
            Err(error) => {
                watch::failed(&error);
                tokio::time::sleep(RETRY).await;
            }
        }
    };
    let (events, mut changed) = mpsc::channel(MAX_WAITING);
    let kinds = Custom::ALL.map(Kind::Custom);
    let watches = watch::start_all(&cluster, &kinds, None, &events);
    drop(events);
    let attach = Attach {
        node: false,
        namespace: false,
    };
    let mut view = ClusterView::new(attach, watches.len());
    let mut last: Option<Vec<Value>> = None;
    while let Some(event) = changed.recv().await {
        view.apply(event);
        if last.is_some() {
            tokio::time::sleep(TELL_INTERVAL).await;
        }
        while let Ok(event) = changed.try_recv() {
            view.apply(event);
        }
        if !view.is_complete() {
            continue;
        }
        let all = view.custom.values().flat_map(|objects| objects.values());
        let objects: Vec<Value> = all.map(|object| object.value.clone()).collect();
        if last.as_ref() != Some(&objects) {
            last = Some(objects.clone());
            if told.send(objects).await.is_err() {
                return;
            }
        }
    }
}
