//! Keeps the fleet's processes running: starts each, collects what it prints, starts it again
//! when it ends unasked, and ends them all in order.

use std::os::fd::OwnedFd;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use prometheus::{IntCounterVec, register_int_counter_vec};
use skopos_core::Labels;
use skopos_fleet::ServiceSpec;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::switchboard::{Line, Switchboard};
use crate::collect::{LogDoor, collect};
use crate::node::Node;

/// Pause before a process that ended is started again; doubles with each early end.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// A process that ran so long starts again after the first pause.
const LONG_RUN: Duration = Duration::from_mins(1);
/// Time that processes have to end; services drain within five seconds and then flush.
const STOP_LIMIT: Duration = Duration::from_secs(9);

static RESTARTS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "skopos_fleet_restarts_total",
        "Processes of the demo's fleet that ended unasked and were started again.",
        &["system", "service"]
    )
    .expect("the name is used once")
});

/// The running processes.
#[derive(Debug)]
pub(super) struct Fleet {
    stages: Vec<Stage>,
}

/// Processes of one start order; later stages are ended first.
#[derive(Debug)]
struct Stage {
    order: u8,
    stop: CancellationToken,
    keepers: Vec<JoinHandle<()>>,
}

/// What one process is started from, again and again.
#[derive(Debug, Clone)]
struct Plan {
    board: Arc<Switchboard>,
    line: Arc<Line>,
    environment: Vec<(&'static str, String)>,
    door: LogDoor,
}

impl Fleet {
    /// Starts a keeper for each service. Services wait for one another by themselves.
    pub(super) fn start(services: &[ServiceSpec], board: &Arc<Switchboard>, node: &Node) -> Self {
        let mut stages: Vec<Stage> = Vec::new();
        for service in services {
            let plan = Plan {
                board: Arc::clone(board),
                line: board.connect(*service),
                environment: environment(node),
                door: node.log_door(),
            };
            let position = stages.iter().position(|stage| stage.order == service.start_order);
            let stage = position.unwrap_or_else(|| {
                stages.push(Stage {
                    order: service.start_order,
                    stop: CancellationToken::new(),
                    keepers: Vec::new(),
                });
                stages.len() - 1
            });
            let stop = stages[stage].stop.clone();
            stages[stage].keepers.push(tokio::spawn(keep(plan, stop)));
        }
        stages.sort_by_key(|stage| stage.order);
        Self { stages }
    }

    /// Ends the processes, traffic first and the bus last, so that what is under way comes to its end.
    pub(super) async fn stop(self) {
        for stage in self.stages.into_iter().rev() {
            stage.stop.cancel();
            for keeper in stage.keepers {
                if let Err(error) = keeper.await {
                    tracing::error!(%error, "the keeper of a process failed");
                }
            }
        }
    }
}

/// Settings that a child takes from its environment; what the user has set already stands.
fn environment(node: &Node) -> Vec<(&'static str, String)> {
    let mut pairs = Vec::new();
    if let Some(address) = node.addresses().otlp_grpc {
        pairs.push(("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{address}")));
    }
    pairs
}

async fn keep(plan: Plan, stop: CancellationToken) {
    let mut pause = FIRST_PAUSE;
    let mut held = plan.line.held();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = becomes(&mut held, false) => {}
        }
        let started = Instant::now();
        match plan.spawn() {
            Ok(child) => {
                let end = run_to_end(child, &plan.line, &stop).await;
                plan.line.close();
                match end {
                    End::Unasked(status) => plan.tell_end(status),
                    End::Held => continue,
                    End::Asked => return,
                }
            }
            Err(error) => tracing::error!(service = plan.service().name, "{error:#}"),
        }
        if started.elapsed() >= LONG_RUN {
            pause = FIRST_PAUSE;
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
        plan.line.count_restart();
        RESTARTS
            .with_label_values(&[plan.service().system, plan.service().name])
            .inc();
    }
}

/// Returns when the process is to be down, or up again.
async fn becomes(held: &mut watch::Receiver<bool>, wanted: bool) {
    // The line holds the sender and lives as long as its keeper; without it nothing changes any more.
    if held.wait_for(|is_held| *is_held == wanted).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// How a process ended.
enum End {
    /// By itself.
    Unasked(std::io::Result<ExitStatus>),
    /// Killed by a fault that holds it down.
    Held,
    /// By order.
    Asked,
}

async fn run_to_end(mut child: Child, line: &Line, stop: &CancellationToken) -> End {
    // Held here, since waiting for a child closes its standard input: that is the order to drain and end.
    let mut input = child.stdin.take();
    let mut orders = line.open(child.id());
    let mut held = line.held();
    loop {
        tokio::select! {
            status = child.wait() => return End::Unasked(status),
            () = stop.cancelled() => break,
            () = becomes(&mut held, true) => {
                kill(&mut child).await;
                return End::Held;
            }
            Some(order) = orders.recv() => {
                let Some(input) = &mut input else { continue };
                if let Err(error) = input.write_all(format!("{order}\n").as_bytes()).await {
                    tracing::warn!(%error, %order, service = line.service.name, "failed to give an order to a process");
                }
            }
        }
    }
    drop(input);
    if tokio::time::timeout(STOP_LIMIT, child.wait()).await.is_err() {
        tracing::warn!(
            pid = child.id(),
            limit_seconds = STOP_LIMIT.as_secs(),
            "a process did not end in time and is killed"
        );
        kill(&mut child).await;
    }
    End::Asked
}

async fn kill(child: &mut Child) {
    if let Err(error) = child.kill().await {
        tracing::warn!(%error, "failed to kill a process");
    }
}

impl Plan {
    fn service(&self) -> &ServiceSpec {
        &self.line.service
    }

    fn spawn(&self) -> anyhow::Result<Child> {
        let program = std::env::current_exe().context("failed to find the running program")?;
        let (reader, writer) = std::io::pipe().context("failed to make a pipe")?;
        let errors = writer.try_clone().context("failed to share a pipe")?;
        let child = Command::new(program)
            .args(self.board.arguments(self.service()))
            .envs(
                self.environment
                    .iter()
                    .filter(|(name, _)| std::env::var_os(name).is_none())
                    .cloned(),
            )
            .stdin(Stdio::piped())
            .stdout(OwnedFd::from(writer))
            .stderr(OwnedFd::from(errors))
            // A Ctrl-C on the terminal is for the demo, which ends its children in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("failed to start {}", self.service().name))?;
        self.collect(reader)?;
        Ok(child)
    }

    /// Reads the child's lines on a thread that ends with the pipe.
    fn collect(&self, pipe: std::io::PipeReader) -> anyhow::Result<()> {
        let name = self.service().name;
        let labels = Labels::from_pairs([("job", name), ("service_name", name), ("system", self.service().system)]);
        let door = self.door.clone();
        std::thread::Builder::new()
            .name(format!("logs-{name}"))
            .spawn(move || collect(pipe, &labels, &door))
            .with_context(|| format!("failed to start a thread for the log of {name}"))?;
        Ok(())
    }

    fn tell_end(&self, status: std::io::Result<ExitStatus>) {
        let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        tracing::warn!(
            service = self.service().name,
            how,
            "a process of the fleet ended unasked and is started again; its last log lines say why"
        );
    }
}
