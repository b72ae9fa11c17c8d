//! `kubernetes_sd_configs`: the objects of a cluster, followed by list and watch
//! (<https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes>).
//!
//! ```text
//!   role ─▶ kinds that it reads ─▶ one watch for each kind and namespace
//!                                        │ objects
//!                                        ▼
//!                                 ClusterView ─▶ targets of the role
//! ```
//!
//! The API is asked directly, over the client that all discoveries share: the settings of
//! `prometheus.yml` (proxy, OAuth 2.0, headers) hold for it too.

mod cluster;
mod custom;
mod endpoints;
mod endpointslice;
mod ingress;
mod kubeconfig;
mod meta;
mod node;
mod objects;
mod operator;
mod pod;
mod role;
mod service;
mod view;
mod watch;

use std::time::Duration;

use skopos_config::TargetGroup;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::discoveries::Setup;
use crate::source::Output;
use cluster::Cluster;
use role::Role;
use view::ClusterView;

pub use operator::{OperatorObjects, follow_operator};

pub(crate) const MECHANISM: &str = "kubernetes";
/// Changes of objects that may wait.
const MAX_WAITING: usize = 256;
/// Targets are told at most this often: a rollout changes many objects, one after another.
const TELL_INTERVAL: Duration = Duration::from_secs(1);
/// The pause after the cluster could not be found.
const RETRY: Duration = Duration::from_secs(15);

/// Begins to follow the cluster.
pub(crate) fn start(setup: Setup, output: Output) {
    output.run(|output| follow(setup, output));
}

async fn follow(setup: Setup, output: Output) {
    let values = setup.config.values();
    let role = Role::of(values.text("role"));
    let cluster = loop {
        match Cluster::new(&setup) {
            Ok(cluster) => break cluster,
            Err(error) => {
                watch::failed(&error);
                if !output.send(Vec::new()).await || !output.pause(RETRY).await {
                    return;
                }
            }
        }
    };
    let attached = values.section("attach_metadata");
    let attach = view::Attach {
        node: attached.flag_or("node", false),
        namespace: attached.flag_or("namespace", false),
    };
    let (events, mut changed) = mpsc::channel(MAX_WAITING);
    let watches = watch::start_all(&cluster, &role.kinds(attach), Some(values), &events);
    drop(events);
    let mut view = ClusterView::new(attach, watches.len());
    let mut last: Option<Vec<TargetGroup>> = None;
    let mut told = Instant::now() - TELL_INTERVAL;
    while let Some(event) = changed.recv().await {
        view.apply(event);
        while let Ok(event) = changed.try_recv() {
            view.apply(event);
        }
        if !view.is_complete() {
            continue;
        }
        tokio::time::sleep_until(told + TELL_INTERVAL).await;
        while let Ok(event) = changed.try_recv() {
            view.apply(event);
        }
        let groups = role.targets(&view);
        if last.as_ref() != Some(&groups) {
            told = Instant::now();
            last = Some(groups.clone());
            if !output.send(groups).await {
                return;
            }
        }
    }
}
