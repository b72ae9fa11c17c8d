//! The router: which model answers a message, how long it may talk, and on which topic the work goes.
//!
//! Counts each tenant's messages a minute, in Redis where there is one so that all routers count together, in memory
//! otherwise. A tenant above its rate gets the smaller way, not a refusal.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router as HttpRouter};
use clap::Args;
use prometheus::{IntCounterVec, Opts};
use serde::{Deserialize, Serialize};
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{self, Context, ProcessArgs, serve_http};
use skopos_sdk::log;

use crate::stores::{Cache, StoreArgs, StoreMetrics};
use crate::{FAULTS, ROUTER, topics};

/// Messages of a tenant in a minute from which on it gets the smaller way.
const BUSY_PER_MINUTE: u64 = 600;
/// Characters from which on a message is worth the longer answer.
const LONG_MESSAGE_CHARS: usize = 40;
/// Seconds that a minute's count is kept.
const COUNT_SECONDS: i64 = 120;

/// Settings of the router.
#[derive(Debug, Args)]
pub(crate) struct RouterArgs {
    /// Where HTTP is served.
    #[arg(long, default_value = "127.0.0.1:8013", value_name = "ADDRESS")]
    listen: SocketAddr,
    #[command(flatten)]
    stores: StoreArgs,
    #[command(flatten)]
    process: ProcessArgs,
}

/// What is to be routed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Question {
    pub(crate) tenant: String,
    pub(crate) intent: String,
    /// Characters of the message.
    pub(crate) chars: usize,
    /// Whether a tool is to be called.
    pub(crate) needs_tool: bool,
}

/// Where it goes and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Route {
    /// Topic of the next step.
    pub(crate) topic: String,
    /// How much the model may do.
    pub(crate) effort: Effort,
    pub(crate) reason: String,
}

/// How much the model may do for a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Effort {
    /// One short draft.
    Low,
    /// Several drafts, the likeliest one is taken.
    Full,
}

impl Effort {
    fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Full => "full",
        }
    }
}

struct Routing {
    cache: Cache,
    /// Counts of the minute where Redis is away.
    own: Mutex<(i64, HashMap<String, u64>)>,
    decisions: IntCounterVec,
}

pub(super) fn run(arguments: RouterArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(ROUTER, &process, FAULTS, |context| serve(arguments, context))
}

async fn serve(arguments: RouterArgs, context: Context) -> Result<(), FleetError> {
    let registry = context.observability.registry();
    let decisions = IntCounterVec::new(
        Opts::new("routing_decisions_total", "Messages routed, by next topic and effort."),
        &["topic", "effort"],
    )?;
    for (topic, effort) in [
        (topics::OUTBOUND, Effort::Low),
        (topics::OUTBOUND, Effort::Full),
        (topics::TOOL_REQUESTS, Effort::Low),
        (topics::TOOL_REQUESTS, Effort::Full),
    ] {
        decisions.with_label_values(&[topic, effort.name()]);
    }
    registry.register(Box::new(decisions.clone()))?;
    let routing = Arc::new(Routing {
        cache: Cache::new(&arguments.stores.redis, StoreMetrics::register(registry, &["redis"])?)?,
        own: Mutex::default(),
        decisions,
    });
    let router = HttpRouter::new()
        .route("/v1/route", post(decide))
        .with_state(routing)
        .layer(context.observability.http_layer()?)
        .merge(context.own_routes());
    serve_http(arguments.listen, router, context.stop.clone()).await
}

async fn decide(State(routing): State<Arc<Routing>>, Json(question): Json<Question>) -> Json<Route> {
    let count = routing.count(&question.tenant, topics::now_ms() / 60_000).await;
    let route = choose(&question, count);
    routing
        .decisions
        .with_label_values(&[&route.topic, route.effort.name()])
        .inc();
    log::debug!(
        tenant = question.tenant,
        topic = route.topic,
        effort = route.effort.name(),
        reason = route.reason,
        "message routed"
    );
    Json(route)
}

/// The rule, on what is known. `count` is the tenant's messages in this minute.
fn choose(question: &Question, count: u64) -> Route {
    let topic = if question.needs_tool {
        topics::TOOL_REQUESTS
    } else {
        topics::OUTBOUND
    };
    let (effort, reason) = if count > BUSY_PER_MINUTE {
        (
            Effort::Low,
            format!(
                "{} sends more than {BUSY_PER_MINUTE} messages a minute",
                question.tenant
            ),
        )
    } else if matches!(question.intent.as_str(), "greeting" | "smalltalk") {
        (Effort::Low, format!("a {} needs little", question.intent))
    } else if question.chars < LONG_MESSAGE_CHARS && question.needs_tool {
        (Effort::Low, "the tool says what there is to say".to_owned())
    } else {
        (Effort::Full, format!("a {} is worth an answer", question.intent))
    };
    Route {
        topic: topic.to_owned(),
        effort,
        reason,
    }
}

impl Routing {
    /// Counts one more message of the tenant in the minute.
    async fn count(&self, tenant: &str, minute: i64) -> u64 {
        let key = format!("somaagent01:routed:{tenant}:{minute}");
        let counted = self.cache.ask(redis::cmd("INCR").arg(&key)).await;
        if counted == Some(1) {
            self.cache
                .ask::<i64>(redis::cmd("EXPIRE").arg(&key).arg(COUNT_SECONDS))
                .await;
        }
        counted.unwrap_or_else(|| self.count_here(tenant, minute))
    }

    fn count_here(&self, tenant: &str, minute: i64) -> u64 {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if own.0 != minute {
            *own = (minute, HashMap::new());
        }
        let count = own.1.entry(tenant.to_owned()).or_default();
        *count += 1;
        *count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(intent: &str, chars: usize, needs_tool: bool) -> Question {
        Question {
            tenant: "acme".to_owned(),
            intent: intent.to_owned(),
            chars,
            needs_tool,
        }
    }

    #[test]
    fn effort_follows_the_message() {
        let effort = |intent, chars, tool, count| choose(&question(intent, chars, tool), count).effort;
        assert_eq!(effort("greeting", 5, false, 1), Effort::Low);
        assert_eq!(effort("question", 60, false, 1), Effort::Full);
        assert_eq!(effort("calculate", 12, true, 1), Effort::Low);
        assert_eq!(effort("question", 60, false, BUSY_PER_MINUTE + 1), Effort::Low);
    }

    #[test]
    fn the_topic_is_that_of_the_next_step() {
        assert_eq!(choose(&question("calculate", 12, true), 1).topic, topics::TOOL_REQUESTS);
        assert_eq!(choose(&question("question", 12, false), 1).topic, topics::OUTBOUND);
    }
}
