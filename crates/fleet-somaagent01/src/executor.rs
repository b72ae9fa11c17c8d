//! The tool executor: takes tool calls from the bus, asks the policy, runs the tool in its sandbox, reports the result.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use skopos_bus::{BusConfig, BusMetrics, Consumer, ConsumerOptions, Delivery, Event, HandleError, Producer};
use skopos_sdk::log;

use self::metrics::ExecutorMetrics;
use self::sandbox::{Run, Sandbox};
use super::policy::Policy;
use super::topics::{self, ToolOutcome, ToolRequest, ToolResult};
use super::{EXECUTOR, FAULTS, tools};
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{self, BusArgs, Context, ProcessArgs, serve_http};

mod metrics;
mod sandbox;

/// Label of tools that do not exist, so that users cannot make series.
const UNKNOWN_TOOL: &str = "unknown";

/// Name of the fault that leaves tools no memory.
pub(super) const NO_MEMORY: &str = "somaagent01-sandbox-no-memory";

/// Settings of the tool executor.
#[derive(Debug, Args)]
pub(crate) struct ExecutorArgs {
    /// Where /metrics and /health are served.
    #[arg(long, default_value = "127.0.0.1:8012", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Tools that run at one time; further calls wait on the bus.
    #[arg(long, default_value_t = 4, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=64))]
    concurrency: u16,
    #[command(flatten)]
    limits: sandbox::LimitArgs,
    #[command(flatten)]
    bus: BusArgs,
    #[command(flatten)]
    process: ProcessArgs,
}

pub(super) fn run(arguments: ExecutorArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(EXECUTOR, &process, FAULTS, |context| serve(arguments, context))
}

async fn serve(arguments: ExecutorArgs, context: Context) -> Result<(), FleetError> {
    let bus = arguments.bus.config(EXECUTOR)?;
    let registry = context.observability.registry();
    let policy = Policy::shipped()?;
    let metrics = ExecutorMetrics::register(registry, &policy)?;
    let bus_metrics = BusMetrics::register(registry)?;
    let router = context.own_routes();
    let http = serve_http(arguments.listen, router, context.stop.clone());
    let work = async {
        topics::ensure(&bus).await?;
        let executor = Executor {
            policy,
            metrics,
            sandbox: Sandbox::new(arguments.limits, context.faults.get(NO_MEMORY))?,
            producer: Producer::new(&bus, bus_metrics.clone())?,
        };
        consume(executor, &bus, bus_metrics, arguments.concurrency, &context).await
    };
    tokio::try_join!(http, work).map(|_| ())
}

async fn consume(
    executor: Executor,
    bus: &BusConfig,
    metrics: BusMetrics,
    concurrency: u16,
    context: &Context,
) -> Result<(), FleetError> {
    let options = ConsumerOptions {
        concurrency: usize::from(concurrency),
        ..topics::reading(EXECUTOR, &[topics::TOOL_REQUESTS])
    };
    let consumer = Consumer::subscribe(bus, options, executor.producer.clone(), metrics)?;
    let executor = Arc::new(executor);
    consumer
        .run(context.stop.clone(), |delivery| {
            let executor = Arc::clone(&executor);
            async move { executor.handle(delivery).await }
        })
        .await;
    Ok(())
}

struct Executor {
    policy: Policy,
    metrics: ExecutorMetrics,
    sandbox: Sandbox,
    producer: Producer,
}

impl Executor {
    async fn handle(&self, delivery: Delivery) -> Result<(), HandleError> {
        let request: ToolRequest = topics::decode(delivery.event.data)?;
        let outcome = self.outcome(&request).await?;
        let key = request.message.session_id.clone();
        let event = Event::new(
            topics::TOOL_RESULT_EVENT,
            topics::encode(&ToolResult { request, outcome }),
        );
        self.producer
            .publish(topics::TOOL_RESULTS, &key, event)
            .await
            .map_err(|error| HandleError::transient("publish", error.to_string()))?;
        Ok(())
    }

    async fn outcome(&self, request: &ToolRequest) -> Result<ToolOutcome, HandleError> {
        let (tool, tenant) = (request.tool.as_str(), request.message.tenant.as_str());
        if !tools::NAMES.contains(&tool) {
            self.metrics.failed(UNKNOWN_TOOL, "unknown_tool");
            log::warn!(tool, tenant, "unknown tool was asked for");
            return Ok(ToolOutcome::Failed {
                error_type: "unknown_tool".to_owned(),
                reason: format!("there is no tool \"{tool}\"; there are {}", tools::NAMES.join(", ")),
            });
        }
        if !self.policy.allows_tool(tenant, tool) {
            self.metrics.blocked(tool, tenant);
            log::warn!(tool, tenant, "tool blocked by policy");
            return Ok(ToolOutcome::Blocked {
                rule: format!("tenant {tenant} may not use {tool}"),
            });
        }
        let active = self.metrics.start();
        let run = self
            .sandbox
            .run(tool, &request.input)
            .await
            .map_err(|error| HandleError::transient("sandbox", error.to_string()))?;
        drop(active);
        self.metrics.finished(tool, &run);
        log(tool, tenant, &run);
        Ok(run.outcome)
    }
}

fn log(tool: &str, tenant: &str, run: &Run) {
    let milliseconds = run.wall.as_millis() as u64;
    let cpu_milliseconds = run.cpu.as_millis() as u64;
    if let ToolOutcome::Failed { error_type, reason } = &run.outcome {
        log::warn!(
            tool,
            tenant,
            error_type,
            reason,
            duration_ms = milliseconds,
            cpu_ms = cpu_milliseconds,
            "tool failed"
        );
        return;
    }
    log::info!(
        tool,
        tenant,
        duration_ms = milliseconds,
        cpu_ms = cpu_milliseconds,
        memory_bytes = run.peak_resident_bytes,
        "tool finished"
    );
}
