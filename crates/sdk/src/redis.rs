//! Redis with a client span and a duration for each command: a connection around a connection of the crate `redis`.
//!
//! Names follow the semantic conventions for Redis: the command is the span's name, its keys and values are not shown.
//!
//! ```no_run
//! # async fn example() -> redis::RedisResult<()> {
//! use redis::AsyncCommands;
//! use skopos_sdk::redis::TracedRedis;
//!
//! let client = redis::Client::open("redis://localhost:6379/0")?;
//! let mut cache = TracedRedis::new(redis::aio::ConnectionManager::new(client).await?).server("localhost", 6379);
//! cache.set_ex::<_, _, ()>("session:17", "open", 60).await?;
//! let session: Option<String> = cache.get("session:17").await?;
//! # drop(session); Ok(()) }
//! ```

use std::borrow::Cow;
use std::sync::Arc;

use ::redis::aio::ConnectionLike;
use ::redis::{Arg, Cmd, Pipeline, RedisError, RedisFuture, ServerError, Value};
use opentelemetry::metrics::{Histogram, Meter};
use opentelemetry::{KeyValue, global};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::observed::{Observed, database_duration};
use crate::tasks::ErrorType;

/// Commands that are words of the protocol are short; anything longer is not one.
const MAX_COMMAND_BYTES: usize = 32;

/// A connection whose commands are observed; clones share what they count in.
#[derive(Debug, Clone)]
pub struct TracedRedis<C> {
    inner: C,
    server: Option<Arc<(String, u16)>>,
    duration: Histogram<f64>,
}

impl<C> TracedRedis<C> {
    /// Wraps a connection, on the process's own meter, so observability is set up first.
    pub fn new(inner: C) -> Self {
        Self::with_meter(inner, &global::meter("skopos-sdk"))
    }

    /// As [`TracedRedis::new`], on any meter.
    pub fn with_meter(inner: C, meter: &Meter) -> Self {
        Self {
            inner,
            server: None,
            duration: database_duration(meter),
        }
    }

    /// `server.address` and `server.port`.
    pub fn server(mut self, address: &str, port: u16) -> Self {
        self.server = Some(Arc::new((address.to_owned(), port)));
        self
    }

    fn observe(
        &self,
        operation: String,
        namespace: i64,
        batch: Option<usize>,
    ) -> Observed<impl FnOnce(f64, Option<&str>) + Send + use<C>> {
        let span = self.span(&operation, namespace, batch);
        let duration = self.duration.clone();
        let server = self.server.clone();
        Observed::start(span, move |seconds, error| {
            let mut labels = vec![
                KeyValue::new("db.system.name", "redis"),
                KeyValue::new("db.operation.name", operation),
                KeyValue::new("db.namespace", namespace.to_string()),
            ];
            labels.extend(server.map(|server| KeyValue::new("server.address", server.0.clone())));
            labels.extend(error.map(|error| KeyValue::new("error.type", error.to_owned())));
            duration.record(seconds, &labels);
        })
    }

    fn span(&self, operation: &str, namespace: i64, batch: Option<usize>) -> Span {
        let server = self.server.as_deref();
        tracing::info_span!(
            "redis",
            otel.name = operation,
            otel.kind = "client",
            otel.status_code = Empty,
            db.system.name = "redis",
            db.namespace = namespace.to_string(),
            db.operation.name = operation,
            db.operation.batch.size = batch,
            server.address = server.map(|(address, _)| address.as_str()),
            server.port = server.map(|(_, port)| *port),
            error.type = Empty,
            error.message = Empty,
        )
    }
}

/// The command's first word in capitals.
fn command_name(command: &Cmd) -> String {
    match command.args_iter().next() {
        Some(Arg::Simple(name)) if name.len() <= MAX_COMMAND_BYTES && name.is_ascii() => {
            String::from_utf8_lossy(name).to_ascii_uppercase()
        }
        _ => crate::tasks::OTHER.to_owned(),
    }
}

/// `PIPELINE` or `MULTI`, with the command where all are the same.
fn pipeline_name(pipeline: &Pipeline) -> String {
    let kind = if pipeline.is_transaction() { "MULTI" } else { "PIPELINE" };
    let mut names = pipeline.cmd_iter().map(command_name);
    match names.next() {
        Some(first) if names.all(|name| name == first) => format!("{kind} {first}"),
        _ => kind.to_owned(),
    }
}

/// An answer that is an error, or holds one, as the answer of a transaction does.
fn server_error(answer: &Value) -> Option<&ServerError> {
    match answer {
        Value::ServerError(error) => Some(error),
        Value::Array(answers) => answers.iter().find_map(server_error),
        _ => None,
    }
}

impl<C: ConnectionLike + Send> ConnectionLike for TracedRedis<C> {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        let observed = self.observe(command_name(command), self.inner.get_db(), None);
        let answer = self.inner.req_packed_command(command);
        // The server's error comes as a value; whoever asked would take it out next.
        Box::pin(observed.run(async { answer.await?.extract_error() }))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let batch = pipeline.cmd_iter().count();
        let mut observed = self.observe(pipeline_name(pipeline), self.inner.get_db(), Some(batch));
        let span = observed.span().clone();
        let answers = self.inner.req_packed_commands(pipeline, offset, count).instrument(span);
        Box::pin(async move {
            let answers = answers.await;
            // Which of the errors matter is for the caller to say; the first is told.
            match answers.as_ref().map(|answers| answers.iter().find_map(server_error)) {
                Ok(None) => observed.succeed(),
                Ok(Some(error)) => observed.fail(error.code(), "a command of the pipeline failed"),
                Err(error) => observed.fail(&error.error_type(), &error.error_message()),
            }
            answers
        })
    }

    fn get_db(&self) -> i64 {
        self.inner.get_db()
    }
}

impl ErrorType for RedisError {
    fn error_type(&self) -> Cow<'static, str> {
        // The server's own code, such as WRONGTYPE, where it answered.
        match self.code() {
            Some(code) => code.to_owned().into(),
            None => format!("{:?}", self.kind()).into(),
        }
    }

    /// Without the detail, which may repeat what was sent.
    fn error_message(&self) -> String {
        self.category().to_owned()
    }
}
