//! One database of the ledger, PostgreSQL or SQLite: the same statements for both.

use std::time::Duration;

use skopos_sdk::database::DatabaseTracer;
use skopos_sdk::database::sqlx::TracedPool;
use sqlx::any::{AnyPoolOptions, AnyRow};
use sqlx::{Any, Row};

use crate::catalog::{self, Billable, Tenant};

/// How long a connection may be waited for.
const ACQUIRE_LIMIT: Duration = Duration::from_secs(1);

const TABLES: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS recommender_billable_events (id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, \
     kind TEXT NOT NULL, price_micros BIGINT NOT NULL, at_ms BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS recommender_accounts (id TEXT PRIMARY KEY, opened_ms BIGINT NOT NULL)",
];
const INSERT: &str = "INSERT INTO recommender_billable_events (id, tenant_id, kind, price_micros, at_ms) \
                      VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING";
const SUMS: &str = "SELECT tenant_id, kind, COUNT(*) AS events, CAST(SUM(price_micros) AS BIGINT) AS micros \
                    FROM recommender_billable_events GROUP BY tenant_id, kind";
const SOME: &str = "SELECT id, tenant_id, kind, price_micros, at_ms FROM recommender_billable_events LIMIT 200";
const DELETE: &str = "DELETE FROM recommender_billable_events WHERE id = $1";
const OPEN: &str = "INSERT INTO recommender_accounts (id, opened_ms) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING";
const ACCOUNTS: &str = "SELECT id FROM recommender_accounts";

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) tenant_id: String,
    pub(super) kind: String,
    pub(super) price_micros: i64,
    pub(super) at_ms: i64,
}

/// What a tenant's events of one kind come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) tenant: &'static Tenant,
    pub(super) billable: Billable,
    pub(super) events: u64,
    pub(super) micros: i64,
}

/// Statements that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Postgres,
    Sqlite,
}

/// The database.
#[derive(Debug)]
pub(super) struct LedgerStore {
    pool: TracedPool<Any>,
    tracer: DatabaseTracer,
    dialect: Dialect,
}

impl LedgerStore {
    /// Connects with the first statement.
    pub(super) fn new(url: &str) -> sqlx::Result<Self> {
        sqlx::any::install_default_drivers();
        let dialect = if url.starts_with("sqlite:") {
            Dialect::Sqlite
        } else {
            Dialect::Postgres
        };
        // SQLite has one writer, and settings belong to a connection.
        let connections = if dialect == Dialect::Sqlite { 1 } else { 4 };
        let pool = AnyPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_LIMIT)
            .connect_lazy(url)?;
        let tracer = DatabaseTracer::new(if dialect == Dialect::Sqlite {
            "sqlite"
        } else {
            "postgresql"
        });
        Ok(Self {
            pool: TracedPool::new(pool, tracer.clone()),
            tracer,
            dialect,
        })
    }

    /// Makes the tables that are missing.
    pub(super) async fn prepare(&self) -> sqlx::Result<()> {
        if self.dialect == Dialect::Sqlite {
            sqlx::query("PRAGMA journal_mode = WAL").execute(&self.pool).await?;
            sqlx::query("PRAGMA synchronous = NORMAL").execute(&self.pool).await?;
        }
        for table in TABLES {
            sqlx::query(table).execute(&self.pool).await?;
        }
        Ok(())
    }

    /// Whether it answers.
    pub(super) async fn ping(&self) -> sqlx::Result<()> {
        sqlx::query("SELECT 1").execute(&self.pool).await.map(|_| ())
    }

    /// Writes a line; one that is there stays as it is. `is_read_only` makes the database refuse, as a replica does.
    pub(super) async fn insert(&self, entry: &Entry, is_read_only: bool) -> sqlx::Result<()> {
        self.tracer.query(INSERT, self.transact(entry, is_read_only)).await
    }

    async fn transact(&self, entry: &Entry, is_read_only: bool) -> sqlx::Result<()> {
        let mut transaction = self.pool.begin().await?;
        if is_read_only {
            let refuse = match self.dialect {
                Dialect::Postgres => "SET TRANSACTION READ ONLY",
                Dialect::Sqlite => "PRAGMA query_only = ON",
            };
            sqlx::query(refuse).execute(&mut *transaction).await?;
        }
        let written = sqlx::query(INSERT)
            .bind(entry.id.as_str())
            .bind(entry.tenant_id.as_str())
            .bind(entry.kind.as_str())
            .bind(entry.price_micros)
            .bind(entry.at_ms)
            .execute(&mut *transaction)
            .await;
        if is_read_only && self.dialect == Dialect::Sqlite {
            sqlx::query("PRAGMA query_only = OFF")
                .execute(&mut *transaction)
                .await?;
        }
        written?;
        transaction.commit().await
    }

    /// The sums of all lines of known tenants.
    pub(super) async fn sums(&self) -> sqlx::Result<Vec<Sum>> {
        let rows = sqlx::query(SUMS).fetch_all(&self.pool).await?;
        let mut sums = Vec::new();
        for row in rows {
            let (tenant_id, kind): (String, String) = (row.try_get("tenant_id")?, row.try_get("kind")?);
            let billable = Billable::ALL.into_iter().find(|billable| billable.name() == kind);
            // A line of another release may name what is gone.
            if let (Some(tenant), Some(billable)) = (catalog::find(&tenant_id), billable) {
                sums.push(Sum {
                    tenant,
                    billable,
                    events: row.try_get::<i64, _>("events")?.max(0) as u64,
                    micros: row.try_get("micros")?,
                });
            }
        }
        Ok(sums)
    }

    /// Some lines.
    pub(super) async fn some(&self) -> sqlx::Result<Vec<Entry>> {
        let rows = sqlx::query(SOME).fetch_all(&self.pool).await?;
        let entry = |row: &AnyRow| {
            Ok(Entry {
                id: row.try_get("id")?,
                tenant_id: row.try_get("tenant_id")?,
                kind: row.try_get("kind")?,
                price_micros: row.try_get("price_micros")?,
                at_ms: row.try_get("at_ms")?,
            })
        };
        rows.iter().map(entry).collect()
    }

    pub(super) async fn delete(&self, id: &str) -> sqlx::Result<()> {
        sqlx::query(DELETE).bind(id).execute(&self.pool).await.map(|_| ())
    }

    /// Notes a customer; one that is there stays as it is.
    pub(super) async fn open_account(&self, id: &str, opened_ms: i64) -> sqlx::Result<()> {
        let insert = sqlx::query(OPEN).bind(id).bind(opened_ms);
        insert.execute(&self.pool).await.map(|_| ())
    }

    /// All customers that were noted.
    pub(super) async fn accounts(&self) -> sqlx::Result<Vec<String>> {
        let rows = sqlx::query(ACCOUNTS).fetch_all(&self.pool).await?;
        rows.iter().map(|row| row.try_get("id")).collect()
    }
}
