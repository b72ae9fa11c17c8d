//! Queries of a database: a client span each with the statement but never its values, and their duration.
//!
//! Attributes and metric follow the semantic conventions of OpenTelemetry for database clients (stable since 1.33):
//! `db.client.operation.duration`, on Prometheus `db_client_operation_duration_seconds`. The wrappers for
//! `tokio-postgres` and `sqlx` build on this.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), std::io::Error> {
//! use skopos_sdk::database::DatabaseTracer;
//!
//! let database = DatabaseTracer::new("postgresql").namespace("ledger").server("db.internal", 5432);
//! let query = "SELECT total FROM entries WHERE account = 'DE89 3704' AND day > 17";
//! let rows = database.query(query, async { Ok::<_, std::io::Error>(3) }).await?;
//! // The span is named "SELECT entries", and its db.query.text reads
//! assert_eq!(
//!     database.sanitize(query).text.as_deref(),
//!     Some("SELECT total FROM entries WHERE account = ? AND day > ?")
//! );
//! # assert_eq!(rows, 3);
//! # Ok(()) }
//! ```

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;

use opentelemetry::metrics::{Histogram, Meter};
use opentelemetry::{KeyValue, global};
use tracing::Span;
use tracing::field::Empty;

use crate::observed::{Observed, database_duration};
use crate::propagation::{current_context, with_sql_comment};
use crate::tasks::ErrorType;

pub use statement::Statement;

#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlx")]
pub mod sqlx;
mod statement;

/// One database as a client sees it; clones share the instrument.
#[derive(Debug, Clone)]
pub struct DatabaseTracer {
    system: &'static str,
    target: Arc<Target>,
    duration: Histogram<f64>,
    comments: bool,
}

#[derive(Debug, Clone, Default)]
struct Target {
    namespace: Option<String>,
    server: Option<(String, u16)>,
}

impl DatabaseTracer {
    /// A database of this system (`postgresql`, `mysql`, `sqlite`, …: `db.system.name`) on the process's own meter, so
    /// observability is set up first.
    pub fn new(system: &'static str) -> Self {
        Self::with_meter(system, &global::meter("skopos-sdk"))
    }

    /// As [`DatabaseTracer::new`], on any meter.
    pub fn with_meter(system: &'static str, meter: &Meter) -> Self {
        Self {
            system,
            target: Arc::default(),
            duration: database_duration(meter),
            comments: false,
        }
    }

    /// `db.namespace`: the name of the database.
    pub fn namespace(mut self, name: &str) -> Self {
        Arc::make_mut(&mut self.target).namespace = Some(name.to_owned());
        self
    }

    /// `server.address` and `server.port`.
    pub fn server(mut self, address: &str, port: u16) -> Self {
        Arc::make_mut(&mut self.target).server = Some((address.to_owned(), port));
        self
    }

    /// Lets the wrappers write the trace context into each query ([`comment_with_trace`]).
    pub fn with_trace_comments(mut self) -> Self {
        self.comments = true;
        self
    }

    /// The query as the wrappers send it, seen from within its span.
    #[cfg(any(feature = "postgres", feature = "sqlx"))]
    pub(crate) fn commented<'a>(&self, sql: &'a str) -> Cow<'a, str> {
        if self.comments {
            comment_with_trace(sql)
        } else {
            sql.into()
        }
    }

    /// Runs a query in a span of its own.
    pub async fn query<T, E: ErrorType>(&self, sql: &str, future: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        self.observe(sql).run(future).await
    }

    /// The statement as spans show it.
    pub fn sanitize(&self, sql: &str) -> Statement {
        Statement::read(self.system, sql)
    }

    pub(crate) fn observe(&self, sql: &str) -> Observed<impl FnOnce(f64, Option<&str>) + Send + use<>> {
        let statement = self.sanitize(sql);
        let span = self.span(&statement);
        let (duration, mut labels) = (self.duration.clone(), self.labels(&statement));
        Observed::start(span, move |seconds, error| {
            labels.extend(error.map(|error| KeyValue::new("error.type", error.to_owned())));
            duration.record(seconds, &labels);
        })
    }

    fn span(&self, statement: &Statement) -> Span {
        let server = self.target.server.as_ref();
        tracing::info_span!(
            "db.query",
            otel.name = statement.summary.as_deref().unwrap_or(self.system),
            otel.kind = "client",
            otel.status_code = Empty,
            db.system.name = self.system,
            db.namespace = self.target.namespace,
            db.operation.name = statement.operation,
            db.query.summary = statement.summary,
            db.query.text = statement.text,
            server.address = server.map(|(address, _)| address.as_str()),
            server.port = server.map(|(_, port)| *port),
            error.type = Empty,
            error.message = Empty,
        )
    }

    fn labels(&self, statement: &Statement) -> Vec<KeyValue> {
        let target = &self.target;
        let texts = [
            ("db.operation.name", statement.operation.clone()),
            ("db.namespace", target.namespace.clone()),
            (
                "server.address",
                target.server.as_ref().map(|(address, _)| address.clone()),
            ),
        ];
        let mut labels = vec![KeyValue::new("db.system.name", self.system)];
        labels.extend(
            texts
                .into_iter()
                .filter_map(|(key, text)| Some(KeyValue::new(key, text?))),
        );
        labels
    }
}

/// The query with the trace context in a comment behind it (sqlcommenter's `traceparent`), so that the database's own log
/// leads to the trace. Each text is then another one, so statements that the client keeps prepared are better left as is.
pub fn comment_with_trace(sql: &str) -> Cow<'_, str> {
    with_sql_comment(&current_context(), sql)
}

#[cfg(test)]
mod tests;
