//! The StatsD listener: datagrams over UDP, lines over TCP. Samples are added up and written to the
//! default tenant at each flush.
//!
//! Senders get no answer, so what is refused is in the ledger alone.

mod aggregate;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use skopos_core::TenantId;
use skopos_core::ledger::Signal;
use skopos_wire::statsd::{StatsdLine, decode_line};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::aggregate::Aggregates;
use crate::doors::Door;
use crate::router::{App, Shared};

const DOOR: &str = "statsd";
/// Flushing more often tells nothing new: samples are a millisecond apart at least.
const MIN_FLUSH_INTERVAL: Duration = Duration::from_millis(10);
/// Largest datagram of UDP.
const DATAGRAM_BYTES: usize = 65_535;
/// Longest line over TCP.
const MAX_LINE_BYTES: u64 = 65_536;

/// The bound sockets; both have one address.
#[derive(Debug)]
pub(crate) struct StatsdSockets {
    pub(crate) udp: UdpSocket,
    pub(crate) tcp: TcpListener,
}

/// Takes samples in until `drain`, then writes what is left.
pub(crate) async fn serve(app: Shared, sockets: StatsdSockets, drain: CancellationToken) {
    let receiver = Arc::new(Receiver {
        aggregates: Mutex::new(Aggregates::default()),
        app,
    });
    let connections = TaskTracker::new();
    let flushing = flush_often(&receiver, &drain);
    let datagrams = receiver.datagrams(&sockets.udp, &drain);
    let streams = Arc::clone(&receiver).streams(&sockets.tcp, &drain, &connections);
    tokio::join!(flushing, datagrams, streams);
    connections.close();
    connections.wait().await;
    flush(&receiver).await;
}

#[derive(Debug)]
struct Receiver {
    app: Shared,
    aggregates: Mutex<Aggregates>,
}

impl Receiver {
    async fn datagrams(&self, socket: &UdpSocket, drain: &CancellationToken) {
        let mut buffer = vec![0u8; DATAGRAM_BYTES];
        while let Some(received) = drain.run_until_cancelled(socket.recv(&mut buffer)).await {
            match received {
                Ok(length) => self.lines(buffer.get(..length).unwrap_or_default()),
                Err(error) => tracing::debug!(%error, "a datagram was not received"),
            }
        }
    }

    async fn streams(self: Arc<Self>, listener: &TcpListener, drain: &CancellationToken, connections: &TaskTracker) {
        let permits = Arc::new(Semaphore::new(self.app.state.options.max_connections));
        while let Some(accepted) = drain.run_until_cancelled(listener.accept()).await {
            let Ok((stream, _)) = accepted else { continue };
            let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else {
                tracing::warn!("a StatsD connection was refused: there are as many as allowed");
                continue;
            };
            let (receiver, drain) = (Arc::clone(&self), drain.clone());
            connections.spawn(async move {
                let ended = drain.run_until_cancelled(receiver.stream(stream)).await;
                if let Some(Err(error)) = ended {
                    tracing::debug!(%error, "a StatsD connection ended");
                }
                drop(permit);
            });
        }
    }

    async fn stream(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = (&mut reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut line).await?;
            if length == 0 {
                return Ok(());
            }
            if length as u64 == MAX_LINE_BYTES && !line.ends_with(b"\n") {
                door().reject(&self.app.state.ledger, "line_too_long", 1);
                return Err(std::io::Error::other(format!(
                    "a line is longer than {MAX_LINE_BYTES} bytes"
                )));
            }
            self.lines(&line);
        }
    }

    /// Adds up the lines of a datagram. There are few, and adding is short: it needs no worker.
    fn lines(&self, bytes: &[u8]) {
        let now_ms = self.app.state.clock.now_ms();
        let mut aggregates = self.aggregates.lock();
        for line in bytes.split(|byte| *byte == b'\n') {
            let line = line.trim_ascii();
            if !line.is_empty() {
                self.line(&mut aggregates, line, now_ms);
            }
        }
    }

    fn line(&self, aggregates: &mut Aggregates, line: &[u8], now_ms: i64) {
        let ledger = &self.app.state.ledger;
        let decoded = std::str::from_utf8(line)
            .map_err(|_| "it is not UTF-8".to_owned())
            .and_then(decode_line);
        match decoded {
            Ok(StatsdLine::Samples(samples)) => {
                for sample in samples {
                    if let Err(reason) = aggregates.add(sample, now_ms) {
                        door().reject(ledger, reason, 1);
                    }
                }
            }
            Ok(StatsdLine::Other) => door().drop_by_rule(ledger, "not_a_metric", 1),
            Err(reason) => {
                tracing::debug!(%reason, line = %String::from_utf8_lossy(line), "a StatsD line cannot be read");
                door().reject(ledger, "invalid_line", 1);
            }
        }
    }

    fn write(&self, app: &App) {
        let batch = self.aggregates.lock().flush(app.state.clock.now_ms());
        if batch.series.is_empty() {
            return;
        }
        let (door, ledger) = (door(), &app.state.ledger);
        let count = batch.series.iter().map(|series| series.samples.len() as u64).sum();
        match app.state.stores.tenant(&door.tenant).metric_sink.append(batch) {
            Ok(report) => door.record(ledger, &report),
            Err(error) => {
                // The totals are kept, so that the next flush makes up for it.
                tracing::error!(%error, "StatsD samples were not written");
                door.reject(ledger, "write_failed", count);
            }
        }
    }
}

fn door() -> Door {
    Door {
        tenant: TenantId::default(),
        signal: Signal::Metrics,
        name: DOOR,
    }
}

async fn flush_often(receiver: &Arc<Receiver>, drain: &CancellationToken) {
    let interval = receiver.app.state.options.statsd_flush_interval.max(MIN_FLUSH_INTERVAL);
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while drain.run_until_cancelled(ticks.tick()).await.is_some() {
        flush(receiver).await;
    }
}

async fn flush(receiver: &Arc<Receiver>) {
    let (receiver, app) = (Arc::clone(receiver), Arc::clone(&receiver.app));
    let worker = Arc::clone(&app);
    if let Err(error) = app.ingest.run(move || receiver.write(&worker)).await {
        tracing::error!(%error, "StatsD samples wait for the next flush");
    }
}
