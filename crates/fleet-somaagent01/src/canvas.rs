//! The canvas service: what a session has on its canvas, block by block. PostgreSQL keeps it, Redis holds what is read
//! often, and while both are away the newest canvases live in memory.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use clap::Args;
use prometheus::{IntCounter, IntCounterVec, Opts};
use serde::{Deserialize, Serialize};
use skopos_fleet_frame::FleetError;
use skopos_fleet_frame::process::{self, Context, ProcessArgs, serve_http};
use skopos_sdk::log;

use self::memory::Memory;
use crate::stores::{Cache, History, StoreArgs, StoreMetrics};
use crate::{CANVAS, FAULTS};

mod memory;

/// Tables of this service.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS canvas_blocks (
        id bigserial PRIMARY KEY,
        session_id text NOT NULL,
        kind text NOT NULL,
        body text NOT NULL,
        made_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE INDEX IF NOT EXISTS canvas_blocks_session ON canvas_blocks (session_id, id)";
/// Seconds that a canvas stays in Redis.
const CACHE_SECONDS: i64 = 120;
/// Blocks of a canvas that are shown.
const MAX_BLOCKS: i64 = 50;
/// Bytes of a block at most.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Settings of the canvas service.
#[derive(Debug, Args)]
pub(crate) struct CanvasArgs {
    /// Where HTTP is served.
    #[arg(long, default_value = "127.0.0.1:8014", value_name = "ADDRESS")]
    listen: SocketAddr,
    #[command(flatten)]
    stores: StoreArgs,
    #[command(flatten)]
    process: ProcessArgs,
}

/// One thing on a canvas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Block {
    /// What it is, such as the tool that made it.
    pub(crate) kind: String,
    pub(crate) body: String,
}

struct Canvases {
    cache: Cache,
    history: History,
    memory: Memory,
    blocks: IntCounter,
    reads: IntCounterVec,
}

pub(super) fn run(arguments: CanvasArgs) -> Result<(), FleetError> {
    let process = arguments.process.clone();
    process::run(CANVAS, &process, FAULTS, |context| serve(arguments, context))
}

async fn serve(arguments: CanvasArgs, context: Context) -> Result<(), FleetError> {
    let registry = context.observability.registry();
    let metrics = StoreMetrics::register(registry, &["redis", "postgres"])?;
    let blocks = IntCounter::new("canvas_blocks_total", "Blocks put on canvases.")?;
    let reads = IntCounterVec::new(
        Opts::new(
            "canvas_reads_total",
            "Canvases read, by where they were found: cache, history, memory.",
        ),
        &["source"],
    )?;
    for source in ["cache", "history", "memory"] {
        reads.with_label_values(&[source]);
    }
    registry.register(Box::new(blocks.clone()))?;
    registry.register(Box::new(reads.clone()))?;
    let canvases = Arc::new(Canvases {
        cache: Cache::new(&arguments.stores.redis, metrics.clone())?,
        history: History::new(&arguments.stores.postgres, SCHEMA, metrics)?,
        memory: Memory::default(),
        blocks,
        reads,
    });
    let router = Router::new()
        .route("/v1/canvas/{session}", get(read).post(add))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(canvases)
        .layer(context.observability.http_layer()?)
        .merge(context.own_routes());
    serve_http(arguments.listen, router, context.stop.clone()).await
}

fn cache_key(session: &str) -> String {
    format!("somaagent01:canvas:{session}")
}

async fn add(
    State(canvases): State<Arc<Canvases>>,
    Path(session): Path<String>,
    Json(block): Json<Block>,
) -> StatusCode {
    canvases.blocks.inc();
    let kept = canvases
        .history
        .rows(
            "INSERT INTO canvas_blocks (session_id, kind, body) VALUES ($1, $2, $3)",
            &[&session, &block.kind, &block.body],
        )
        .await;
    canvases.memory.add(&session, block);
    // What Redis holds is old now.
    canvases
        .cache
        .ask::<i64>(redis::cmd("DEL").arg(cache_key(&session)))
        .await;
    if kept.is_some() {
        StatusCode::CREATED
    } else {
        StatusCode::ACCEPTED
    }
}

async fn read(State(canvases): State<Arc<Canvases>>, Path(session): Path<String>) -> Json<Vec<Block>> {
    let (source, blocks) = canvases.find(&session).await;
    canvases.reads.with_label_values(&[source]).inc();
    log::debug!(session_id = session, source, blocks = blocks.len(), "canvas read");
    Json(blocks)
}

impl Canvases {
    async fn find(&self, session: &str) -> (&'static str, Vec<Block>) {
        let key = cache_key(session);
        let cached: Option<Option<String>> = self.cache.ask(redis::cmd("GET").arg(&key)).await;
        if let Some(blocks) = cached.flatten().and_then(|text| serde_json::from_str(&text).ok()) {
            return ("cache", blocks);
        }
        let rows = self
            .history
            .rows(
                "SELECT kind, body FROM canvas_blocks WHERE session_id = $1 ORDER BY id LIMIT $2",
                &[&session, &MAX_BLOCKS],
            )
            .await;
        let Some(rows) = rows else {
            return ("memory", self.memory.read(session));
        };
        let blocks: Vec<Block> = rows
            .iter()
            .map(|row| Block {
                kind: row.get(0),
                body: row.get(1),
            })
            .collect();
        let text = serde_json::to_string(&blocks).expect("two strings encode");
        self.cache
            .ask::<String>(redis::cmd("SETEX").arg(&key).arg(CACHE_SECONDS).arg(text))
            .await;
        ("history", blocks)
    }
}
