//! The pipeline's end of the bus: reads interactions, checks them, hands them to the loader and waits until they are safe.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use skopos_bus::{BusConfig, BusMetrics, Consumer, ConsumerOptions, Delivery, Event, HandleError, Producer};
use skopos_fleet_frame::{Fault, FleetError};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::jobs::Pending;
use super::metrics::PipelineMetrics;
use crate::DATA_PIPELINE;
use crate::catalog::TENANTS;
use crate::events::{self, INTERACTION_EVENT, INTERACTIONS, Interaction};
use crate::tastes::World;

/// Events in hand at one time; a batch of the loader is made of them.
const CONCURRENCY: usize = 512;
/// How often a consumer that stands still looks whether it may go on.
const STUCK_PAUSE: Duration = Duration::from_millis(250);
/// Interactions that the shop sends again, and how many of them at one time.
const BACKFILL: usize = 13_000;
const BACKFILL_CONCURRENCY: usize = 200;

/// Reads until told to stop. `stuck` makes it stand still.
pub(super) async fn run(
    bus: &BusConfig,
    bus_metrics: BusMetrics,
    metrics: PipelineMetrics,
    loader: mpsc::Sender<Pending>,
    stuck: Fault,
    stop: CancellationToken,
) -> Result<(), FleetError> {
    events::ensure(bus).await?;
    let producer = Producer::new(bus, bus_metrics.clone())?;
    let options = ConsumerOptions {
        concurrency: CONCURRENCY,
        ..ConsumerOptions::new(DATA_PIPELINE, &[INTERACTIONS])
    };
    let counted = metrics.clone();
    let consumer = Consumer::subscribe(bus, options, producer.clone(), bus_metrics)?
        .on_dead_letter(move |letter| counted.unprocessed(INTERACTIONS, &letter.error_type));
    let reader = Arc::new(Reader {
        metrics,
        loader,
        stuck: stuck.clone(),
    });
    let read = consumer.run(stop.clone(), |delivery| {
        let reader = Arc::clone(&reader);
        async move { reader.handle(delivery).await }
    });
    tokio::join!(read, backfill(&producer, &stuck, &stop));
    Ok(())
}

struct Reader {
    metrics: PipelineMetrics,
    loader: mpsc::Sender<Pending>,
    stuck: Fault,
}

impl Reader {
    async fn handle(&self, delivery: Delivery) -> Result<(), HandleError> {
        while self.stuck.is_on() {
            tokio::time::sleep(STUCK_PAUSE).await;
        }
        self.metrics.consumed(&delivery.topic);
        let interaction = Interaction::read(delivery.event.data)?;
        let (done, wait) = oneshot::channel();
        if self.loader.send((interaction, done)).await.is_err() || wait.await.is_err() {
            // The loader gave up because the service ends: unacknowledged, the event is delivered again.
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

/// With the fault, the shops send a part of their history again, and it piles up.
async fn backfill(producer: &Producer, stuck: &Fault, stop: &CancellationToken) {
    loop {
        wait_until(stuck, true, stop).await;
        if stop.is_cancelled() {
            return;
        }
        let history = TENANTS
            .iter()
            .flat_map(|tenant| World::of(tenant).history())
            .take(BACKFILL);
        let sent = futures_util::stream::iter(history)
            .map(|interaction| send(producer, interaction))
            .buffer_unordered(BACKFILL_CONCURRENCY)
            .take_until(stop.cancelled())
            .filter(|is_sent| std::future::ready(*is_sent))
            .count()
            .await;
        tracing::warn!(interactions = sent, "history was sent again");
        wait_until(stuck, false, stop).await;
    }
}

async fn wait_until(fault: &Fault, is_on: bool, stop: &CancellationToken) {
    while fault.is_on() != is_on && !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(STUCK_PAUSE) => {}
        }
    }
}

async fn send(producer: &Producer, interaction: Interaction) -> bool {
    let key = format!("{}/{}", interaction.tenant_id, interaction.user);
    let data = serde_json::to_value(&interaction).expect("an interaction has text keys only");
    let event = Event::new(INTERACTION_EVENT, data);
    let payload = serde_json::to_vec(&event).expect("an event has text keys only");
    let context = opentelemetry::Context::new();
    let sent = producer
        .publish_raw(INTERACTIONS, &key, &event.id, &payload, &context)
        .await;
    sent.is_ok()
}
