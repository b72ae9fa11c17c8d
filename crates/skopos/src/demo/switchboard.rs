//! What of the fleet can be seen and switched while it runs: its processes and their faults.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;
use skopos_fleet::{FaultKind, FaultSpec, Launch, Order, ServiceSpec};
use skopos_server::{FleetFault, FleetProcess, FleetView};
use tokio::sync::{mpsc, watch};

/// Faults, which of them are on, and the keepers that carry them out.
#[derive(Debug)]
pub(super) struct Switchboard {
    /// Each fault with its system.
    specs: Vec<(&'static str, FaultSpec)>,
    /// The start's choices; its faults are those that are on now.
    launch: Mutex<Launch>,
    keepers: Mutex<Vec<Arc<Line>>>,
}

/// The line to the keeper of one process.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) service: ServiceSpec,
    /// Whether the process is to be down.
    is_held: watch::Sender<bool>,
    /// Orders for the process that runs now; none while there is none.
    orders: Mutex<Option<mpsc::UnboundedSender<Order>>>,
    /// 0 while it does not run.
    pid: AtomicU32,
    restarts: AtomicU64,
}

impl Switchboard {
    pub(super) fn new(specs: Vec<(&'static str, FaultSpec)>, launch: Launch) -> Self {
        Self {
            specs,
            launch: Mutex::new(launch),
            keepers: Mutex::default(),
        }
    }

    /// The line to a keeper that begins now.
    pub(super) fn connect(&self, service: ServiceSpec) -> Arc<Line> {
        let is_held = self.is_held(&service);
        let line = Arc::new(Line {
            service,
            is_held: watch::Sender::new(is_held),
            orders: Mutex::default(),
            pid: AtomicU32::new(0),
            restarts: AtomicU64::new(0),
        });
        self.keepers.lock().push(Arc::clone(&line));
        line
    }

    /// What a process is started with now: a fault outlives the process that has it.
    pub(super) fn arguments(&self, service: &ServiceSpec) -> Vec<String> {
        let faults: Vec<FaultSpec> = self.specs.iter().map(|(_, fault)| *fault).collect();
        service.arguments(&self.launch.lock(), &faults)
    }

    fn is_held(&self, service: &ServiceSpec) -> bool {
        let launch = self.launch.lock();
        self.specs.iter().any(|(_, fault)| {
            fault.kind == FaultKind::Stop
                && fault.service == service.name
                && launch.faults.iter().any(|name| name == fault.name)
        })
    }

    fn carry_out(&self, fault: &FaultSpec, is_active: bool) {
        let keepers = self.keepers.lock();
        for line in keepers.iter().filter(|line| line.service.name == fault.service) {
            match fault.kind {
                FaultKind::Stop => {
                    line.is_held.send_replace(self.is_held(&line.service));
                }
                FaultKind::Switch => line.tell(Order::Fault {
                    name: fault.name.to_owned(),
                    is_on: is_active,
                }),
            }
        }
    }
}

impl Line {
    /// Follows whether the process is to be down.
    pub(super) fn held(&self) -> watch::Receiver<bool> {
        self.is_held.subscribe()
    }

    /// The orders for a process that starts now.
    pub(super) fn open(&self, pid: Option<u32>) -> mpsc::UnboundedReceiver<Order> {
        let (sender, receiver) = mpsc::unbounded_channel();
        *self.orders.lock() = Some(sender);
        self.pid.store(pid.unwrap_or_default(), Ordering::Relaxed);
        receiver
    }

    /// The process has ended.
    pub(super) fn close(&self) {
        *self.orders.lock() = None;
        self.pid.store(0, Ordering::Relaxed);
    }

    pub(super) fn count_restart(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }

    fn tell(&self, order: Order) {
        // A process that starts later is told by its arguments.
        if let Some(orders) = &*self.orders.lock() {
            drop(orders.send(order));
        }
    }
}

impl FleetView for Switchboard {
    fn processes(&self) -> Vec<FleetProcess> {
        let keepers = self.keepers.lock();
        keepers
            .iter()
            .map(|line| FleetProcess {
                system: line.service.system.to_owned(),
                name: line.service.name.to_owned(),
                port: line.service.port,
                about: line.service.about.to_owned(),
                pid: Some(line.pid.load(Ordering::Relaxed)).filter(|pid| *pid != 0),
                restarts: line.restarts.load(Ordering::Relaxed),
            })
            .collect()
    }

    fn faults(&self) -> Vec<FleetFault> {
        let launch = self.launch.lock();
        let active: BTreeMap<&str, ()> = launch.faults.iter().map(|name| (name.as_str(), ())).collect();
        self.specs
            .iter()
            .map(|(system, fault)| FleetFault {
                name: fault.name.to_owned(),
                system: (*system).to_owned(),
                service: fault.service.to_owned(),
                about: fault.about.to_owned(),
                alerts: fault.alerts.iter().map(|alert| (*alert).to_owned()).collect(),
                is_active: active.contains_key(fault.name),
            })
            .collect()
    }

    fn switch(&self, fault: &str, is_active: bool) -> bool {
        let Some((_, spec)) = self.specs.iter().find(|(_, spec)| spec.name == fault) else {
            return false;
        };
        let mut launch = self.launch.lock();
        launch.faults.retain(|name| name != fault);
        if is_active {
            launch.faults.push(fault.to_owned());
        }
        drop(launch);
        tracing::warn!(fault, is_active, "a fault of the fleet was switched");
        self.carry_out(spec, is_active);
        true
    }
}
