//! PostgreSQL's own statistics under the names of postgres_exporter.
//! <https://github.com/prometheus-community/postgres_exporter>

use prometheus::proto::MetricFamily;
use skopos_log_macros::{self as log, chain};
use tokio::sync::Mutex;
use tokio_postgres::{Client, Config};

use super::connect;
use crate::exporter::{Family, Source};

/// Columns of `pg_stat_database` that are totals.
const TOTALS: [(&str, &str); 12] = [
    ("xact_commit", "Transactions committed."),
    ("xact_rollback", "Transactions rolled back."),
    ("blks_read", "Blocks read from files."),
    ("blks_hit", "Blocks found in memory."),
    ("tup_returned", "Rows read by scans."),
    ("tup_fetched", "Rows fetched through indexes."),
    ("tup_inserted", "Rows inserted."),
    ("tup_updated", "Rows updated."),
    ("tup_deleted", "Rows deleted."),
    ("conflicts", "Queries cancelled by recovery."),
    ("temp_bytes", "Bytes written to temporary files."),
    ("deadlocks", "Deadlocks."),
];

/// Reads one server at each scrape, over one connection.
pub(super) struct PostgresSource {
    config: Config,
    /// Whether there is a server at all: of one that was never there, `pg_up` says nothing.
    is_expected: bool,
    client: Mutex<Option<Client>>,
}

impl PostgresSource {
    pub(super) fn new(config: Config, is_expected: bool) -> Self {
        Self {
            config,
            is_expected,
            client: Mutex::default(),
        }
    }
}

impl Source for PostgresSource {
    async fn read(&self) -> Vec<MetricFamily> {
        if !self.is_expected {
            return Vec::new();
        }
        let mut kept = self.client.lock().await;
        let client = match kept.take().filter(|client| !client.is_closed()) {
            Some(client) => Ok(client),
            None => connect(&self.config).await,
        };
        let answer = match client {
            Ok(client) => families(&client).await.map(|families| (client, families)),
            Err(error) => Err(error),
        };
        match answer {
            Ok((client, mut families)) => {
                *kept = Some(client);
                families.push(up(1.0));
                families
            }
            Err(error) => {
                log::debug!(error = chain(&error), "PostgreSQL does not answer");
                vec![up(0.0)]
            }
        }
    }
}

fn up(value: f64) -> MetricFamily {
    Family::gauge("pg_up", "Whether PostgreSQL answers.")
        .sample(&[], value)
        .build()
}

async fn families(client: &Client) -> Result<Vec<MetricFamily>, tokio_postgres::Error> {
    let mut all = databases(client).await?;
    all.push(activity(client).await?);
    let row = client
        .query_one(
            "SELECT extract(epoch FROM pg_postmaster_start_time())::float8, \
             current_setting('max_connections')::float8, current_setting('server_version')",
            &[],
        )
        .await?;
    let version: String = row.get(2);
    all.extend([
        Family::gauge(
            "pg_postmaster_start_time_seconds",
            "When the server started, seconds since the epoch.",
        )
        .sample(&[], row.get(0))
        .build(),
        Family::gauge("pg_settings_max_connections", "Connections at most.")
            .sample(&[], row.get(1))
            .build(),
        Family::gauge("pg_static", "What it is.")
            .sample(&[("short_version", &version)], 1.0)
            .build(),
    ]);
    Ok(all)
}

async fn databases(client: &Client) -> Result<Vec<MetricFamily>, tokio_postgres::Error> {
    let columns = TOTALS.map(|(column, _)| format!("{column}::float8")).join(", ");
    let query = format!(
        "SELECT datname::text, numbackends::float8, pg_database_size(datid)::float8, {columns} \
         FROM pg_stat_database WHERE datname IS NOT NULL"
    );
    let mut backends = Family::gauge("pg_stat_database_numbackends", "Connections to the database.");
    let mut sizes = Family::gauge("pg_database_size_bytes", "Bytes of the database on the disk.");
    let mut totals = TOTALS.map(|(column, help)| Family::counter(&format!("pg_stat_database_{column}"), help));
    for row in client.query(&query, &[]).await? {
        let database: String = row.get(0);
        let labels = [("datname", database.as_str())];
        backends.push(&labels, row.get(1));
        sizes.push(&labels, row.get(2));
        for (index, family) in totals.iter_mut().enumerate() {
            family.push(&labels, row.get(index + 3));
        }
    }
    Ok([backends, sizes].into_iter().chain(totals).map(Family::build).collect())
}

async fn activity(client: &Client) -> Result<MetricFamily, tokio_postgres::Error> {
    let rows = client
        .query(
            "SELECT datname::text, state, count(*)::float8 FROM pg_stat_activity \
             WHERE datname IS NOT NULL AND state IS NOT NULL GROUP BY 1, 2",
            &[],
        )
        .await?;
    let mut family = Family::gauge("pg_stat_activity_count", "Connections by what they do.");
    for row in rows {
        let (database, state): (String, String) = (row.get(0), row.get(1));
        family.push(&[("datname", &database), ("state", &state)], row.get(2));
    }
    Ok(family.build())
}
