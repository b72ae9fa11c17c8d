//! Any database by `sqlx`: a pool that executes like the pool it wraps, each query in a span of its own.
//!
//! ```no_run
//! # async fn example(pool: sqlx::SqlitePool) -> sqlx::Result<()> {
//! use skopos_sdk::database::{DatabaseTracer, sqlx::TracedPool};
//!
//! let pool = TracedPool::new(pool, DatabaseTracer::new("sqlite").namespace("state.db"));
//! let rows = sqlx::query("SELECT name FROM agents WHERE tenant = ?").bind("acme").fetch_all(&pool).await?;
//! # drop(rows); Ok(()) }
//! ```

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::sqlx::error::BoxDynError;
use ::sqlx::{AssertSqlSafe, Database, Either, Error, Execute, Executor, Pool, SqlSafeStr, SqlStr};
use futures_util::Stream;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

use super::DatabaseTracer;
use crate::observed::Observed;
use crate::tasks::ErrorType;

/// A pool whose queries are observed; clones share the connections.
#[derive(Clone)]
pub struct TracedPool<DB: Database> {
    inner: Pool<DB>,
    tracer: DatabaseTracer,
}

impl<DB: Database> fmt::Debug for TracedPool<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedPool")
            .field("tracer", &self.tracer)
            .finish_non_exhaustive()
    }
}

impl<DB: Database> TracedPool<DB> {
    /// Wraps a pool.
    pub fn new(inner: Pool<DB>, tracer: DatabaseTracer) -> Self {
        Self { inner, tracer }
    }
}

/// What needs the pool itself, such as a transaction, gets it, unobserved.
impl<DB: Database> Deref for TracedPool<DB> {
    type Target = Pool<DB>;

    fn deref(&self) -> &Pool<DB> {
        &self.inner
    }
}

impl<'c, DB: Database> Executor<'c> for &'c TracedPool<DB>
where
    for<'x> &'x mut DB::Connection: Executor<'x, Database = DB>,
{
    type Database = DB;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<DB::QueryResult, DB::Row>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let query = Query::<DB>::take(query);
        let observed = self.tracer.observe(query.sql.as_str());
        let query = observed.span().in_scope(|| query.commented(&self.tracer));
        Box::pin(ObservedStream {
            rows: self.inner.fetch_many(query),
            observed,
        })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<DB::Row>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let query = Query::<DB>::take(query);
        let observed = self.tracer.observe(query.sql.as_str());
        let query = observed.span().in_scope(|| query.commented(&self.tracer));
        Box::pin(observed.run(self.inner.fetch_optional(query)))
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [DB::TypeInfo],
    ) -> BoxFuture<'e, Result<DB::Statement, Error>>
    where
        'c: 'e,
    {
        self.inner.prepare_with(sql, parameters)
    }
}

/// A query taken apart: only so can its text be looked at.
struct Query<DB: Database> {
    sql: SqlStr,
    statement: Option<DB::Statement>,
    arguments: Option<Result<Option<DB::Arguments>, BoxDynError>>,
    persistent: bool,
}

impl<DB: Database> Query<DB> {
    fn take<'q>(mut query: impl Execute<'q, DB>) -> Self {
        Self {
            arguments: Some(query.take_arguments()),
            statement: query.statement().cloned(),
            persistent: query.persistent(),
            sql: query.sql(),
        }
    }

    /// With the trace in a comment, where the tracer writes them. Such a text comes once, so it is not kept prepared.
    fn commented(mut self, tracer: &DatabaseTracer) -> Self {
        if let Cow::Owned(text) = tracer.commented(self.sql.as_str()) {
            self.sql = AssertSqlSafe(text).into_sql_str();
            self.statement = None;
            self.persistent = false;
        }
        self
    }
}

impl<DB: Database> Execute<'_, DB> for Query<DB> {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&DB::Statement> {
        self.statement.as_ref()
    }

    fn take_arguments(&mut self) -> Result<Option<DB::Arguments>, BoxDynError> {
        self.arguments.take().unwrap_or(Ok(None))
    }

    fn persistent(&self) -> bool {
        self.persistent
    }
}

/// Rows; the operation ends with the last one, with the first error, or when nobody asks for more.
struct ObservedStream<S, F: FnOnce(f64, Option<&str>)> {
    rows: S,
    observed: Observed<F>,
}

impl<S, T, F> Stream for ObservedStream<S, F>
where
    S: Stream<Item = Result<T, Error>> + Unpin,
    F: FnOnce(f64, Option<&str>) + Unpin,
{
    type Item = Result<T, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let _entered = this.observed.span().clone().entered();
        let polled = Pin::new(&mut this.rows).poll_next(context);
        match &polled {
            Poll::Ready(None) => this.observed.succeed(),
            Poll::Ready(Some(Err(error))) => this.observed.fail(&error.error_type(), &error.error_message()),
            _ => {}
        }
        polled
    }
}

impl ErrorType for Error {
    /// The database's own code, such as an SQLSTATE, where it answered.
    fn error_type(&self) -> Cow<'static, str> {
        match self {
            Self::Database(error) => error.code().map_or("database".into(), |code| code.into_owned().into()),
            Self::RowNotFound => "row_not_found".into(),
            Self::PoolTimedOut => "pool_timed_out".into(),
            Self::PoolClosed => "pool_closed".into(),
            Self::Io(error) => error.error_type(),
            Self::Tls(_) => "tls".into(),
            Self::ColumnDecode { .. } | Self::Decode(_) => "decode".into(),
            Self::Encode(_) => "encode".into(),
            _ => crate::tasks::OTHER.into(),
        }
    }

    /// Without the database's own message, which may repeat values.
    fn error_message(&self) -> String {
        match self {
            Self::Database(error) => {
                let object = error.constraint().or(error.table()).unwrap_or_default();
                format!("{:?} {object}", error.kind()).trim_end().to_owned()
            }
            Self::ColumnDecode { .. } | Self::Decode(_) | Self::Encode(_) => "a value does not fit its type".to_owned(),
            _ => self.to_string(),
        }
    }
}
