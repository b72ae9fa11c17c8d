//! PostgreSQL, one statement at a time, with the service's own tables made at each connection.

use std::sync::Arc;

use skopos_fleet_frame::FleetError;
use skopos_sdk::database::DatabaseTracer;
use skopos_sdk::database::postgres::TracedClient;
use skopos_sdk::log::{self, chain};
use tokio::sync::Mutex;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, NoTls, Row};

use super::{ANSWER_LIMIT, Health, Kept, StoreMetrics, unreadable};

/// Name in metrics and logs.
const STORE: &str = "postgres";

/// A database that may be away.
#[derive(Debug)]
pub(crate) struct History {
    config: Config,
    /// Statements that make what is missing; run at each connection.
    schema: &'static str,
    kept: Mutex<Kept<Arc<TracedClient>>>,
    health: Health,
}

impl History {
    pub(crate) fn new(url: &str, schema: &'static str, metrics: StoreMetrics) -> Result<Self, FleetError> {
        let config: Config = url.parse().map_err(|error| unreadable("PostgreSQL", error))?;
        Ok(Self {
            config,
            schema,
            kept: Mutex::new(Kept::Waiting(None)),
            health: Health::new(STORE, metrics),
        })
    }

    /// The rows of a statement; none where PostgreSQL is away or refuses it.
    pub(crate) async fn rows(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Option<Vec<Row>> {
        let rows = self.try_rows(sql, parameters).await;
        if rows.is_none() {
            self.health.went_without();
        }
        rows
    }

    async fn try_rows(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Option<Vec<Row>> {
        let client = self.client().await?;
        match tokio::time::timeout(ANSWER_LIMIT, client.query(sql, parameters)).await {
            Ok(Ok(rows)) => {
                self.health.answered();
                Some(rows)
            }
            Ok(Err(error)) => self.lose(&with_cause(&error)).await,
            Err(_) => self.lose("it does not answer in time").await,
        }
    }

    async fn client(&self) -> Option<Arc<TracedClient>> {
        let mut kept = self.kept.lock().await;
        if let Kept::Connected(client) = &*kept {
            return Some(Arc::clone(client));
        }
        if kept.is_too_early() {
            return None;
        }
        match tokio::time::timeout(ANSWER_LIMIT, self.connect()).await {
            Ok(Ok(client)) => {
                let client = Arc::new(client);
                *kept = Kept::Connected(Arc::clone(&client));
                Some(client)
            }
            Ok(Err(error)) => {
                *kept = Kept::after_failure();
                self.health.failed(&with_cause(&error));
                None
            }
            Err(_) => {
                *kept = Kept::after_failure();
                self.health.failed("it does not answer in time");
                None
            }
        }
    }

    async fn connect(&self) -> Result<TracedClient, tokio_postgres::Error> {
        let (client, connection) = self.config.connect(NoTls).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                log::debug!(error = chain(&error), "a connection to PostgreSQL ended");
            }
        });
        let tracer = DatabaseTracer::new("postgresql").namespace(self.config.get_dbname().unwrap_or_default());
        let client = TracedClient::new(client, tracer);
        client.batch_execute(self.schema).await?;
        Ok(client)
    }

    async fn lose<T>(&self, reason: &str) -> Option<T> {
        *self.kept.lock().await = Kept::after_failure();
        self.health.failed(reason);
        None
    }
}

/// `tokio_postgres` tells the server's own words in the cause only.
fn with_cause(error: &tokio_postgres::Error) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
