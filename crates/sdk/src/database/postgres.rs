//! PostgreSQL by `tokio-postgres`, each query in a span of its own.
//!
//! ```no_run
//! # async fn example() -> Result<(), tokio_postgres::Error> {
//! use skopos_sdk::database::{DatabaseTracer, postgres::TracedClient};
//!
//! let (client, connection) = tokio_postgres::connect("host=localhost dbname=ledger", tokio_postgres::NoTls).await?;
//! tokio::spawn(connection);
//! let tracer = DatabaseTracer::new("postgresql").namespace("ledger").server("localhost", 5432);
//! let ledger = TracedClient::new(client, tracer);
//! let rows = ledger.query("SELECT total FROM entries WHERE account = $1", &[&17_i64]).await?;
//! # drop(rows); Ok(()) }
//! ```

use std::borrow::Cow;
use std::ops::Deref;

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, GenericClient, Row, Transaction};

use super::DatabaseTracer;
use crate::tasks::ErrorType;

/// A client or a transaction whose queries are observed. What it does not wrap, its [`Deref`] target does unobserved.
#[derive(Debug)]
pub struct Traced<C> {
    inner: C,
    tracer: DatabaseTracer,
}

/// A client whose queries are observed.
pub type TracedClient = Traced<Client>;
/// A transaction whose queries are observed.
pub type TracedTransaction<'a> = Traced<Transaction<'a>>;

impl<C> Deref for Traced<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.inner
    }
}

impl<C: GenericClient> Traced<C> {
    /// Wraps a client, or any other that `tokio-postgres` can query.
    pub fn new(inner: C, tracer: DatabaseTracer) -> Self {
        Self { inner, tracer }
    }

    /// All rows.
    pub async fn query(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Error> {
        self.run(sql, async |sql| self.inner.query(sql, params).await).await
    }

    /// Exactly one row; any other number is an error.
    pub async fn query_one(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Row, Error> {
        self.run(sql, async |sql| self.inner.query_one(sql, params).await).await
    }

    /// One row or none.
    pub async fn query_opt(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Option<Row>, Error> {
        self.run(sql, async |sql| self.inner.query_opt(sql, params).await).await
    }

    /// How many rows a statement changed.
    pub async fn execute(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<u64, Error> {
        self.run(sql, async |sql| self.inner.execute(sql, params).await).await
    }

    /// Several statements without parameters, in one span.
    pub async fn batch_execute(&self, sql: &str) -> Result<(), Error> {
        self.run(sql, async |sql| self.inner.batch_execute(sql).await).await
    }

    /// Begins a transaction; its queries are observed by the same tracer.
    pub async fn transaction(&mut self) -> Result<TracedTransaction<'_>, Error> {
        let tracer = self.tracer.clone();
        let inner = tracer.query("BEGIN", self.inner.transaction()).await?;
        Ok(Traced { inner, tracer })
    }

    async fn run<T>(&self, sql: &str, query: impl AsyncFnOnce(&str) -> Result<T, Error>) -> Result<T, Error> {
        // The comment names the query's own span, so it is written within.
        let query = async { query(&self.tracer.commented(sql)).await };
        self.tracer.query(sql, query).await
    }
}

impl Traced<Transaction<'_>> {
    /// Makes what was done last.
    pub async fn commit(self) -> Result<(), Error> {
        self.tracer.query("COMMIT", self.inner.commit()).await
    }

    /// Undoes what was done; a transaction that is dropped does the same.
    pub async fn rollback(self) -> Result<(), Error> {
        self.tracer.query("ROLLBACK", self.inner.rollback()).await
    }
}

impl ErrorType for Error {
    /// The SQLSTATE, where the server answered.
    fn error_type(&self) -> Cow<'static, str> {
        match self.code() {
            Some(state) => state.code().to_owned().into(),
            None if self.is_closed() => "closed".into(),
            None => "client".into(),
        }
    }

    /// What the server calls the error and its object; its own message may repeat values.
    fn error_message(&self) -> String {
        let Some(error) = self.as_db_error() else {
            return self.to_string();
        };
        let object = error
            .constraint()
            .or(error.table())
            .or(error.column())
            .unwrap_or_default();
        format!("{} {} {object}", error.severity(), error.code().code())
            .trim_end()
            .to_owned()
    }
}
