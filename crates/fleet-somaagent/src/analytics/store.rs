//! The embedded database: catalogue with full-text index, events, purchases. SQLite through one observed connection.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use skopos_sdk::database::DatabaseTracer;
use skopos_sdk::database::sqlx::TracedPool;
use sqlx::sqlite::{Sqlite, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{QueryBuilder, Row as _};
use tempfile::TempDir;

use super::catalogue::{self, Capsule, CapsuleKind};
use super::reports::{Kind, Report, Row};
use crate::events::Event;
use crate::text;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS capsule (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, publisher TEXT NOT NULL, category TEXT NOT NULL,
    kind TEXT NOT NULL, price_cents INTEGER NOT NULL, description TEXT NOT NULL);
CREATE VIRTUAL TABLE IF NOT EXISTS capsule_text USING fts5(id UNINDEXED, name, category, description, tokenize = 'porter');
CREATE TABLE IF NOT EXISTS event (
    at_ms INTEGER NOT NULL, kind TEXT NOT NULL, tenant TEXT NOT NULL, subject TEXT NOT NULL,
    outcome TEXT NOT NULL, duration_ms REAL NOT NULL);
CREATE INDEX IF NOT EXISTS event_by_time ON event (at_ms);
CREATE TABLE IF NOT EXISTS purchase (
    at_ms INTEGER NOT NULL, tenant TEXT NOT NULL, user TEXT NOT NULL, capsule TEXT NOT NULL, cents INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS purchase_by_tenant ON purchase (tenant, capsule);
DELETE FROM capsule_text;
";
/// Age at which events and purchases are removed, in milliseconds.
const KEEP_MS: i64 = 24 * 60 * 60 * 1000;
/// SQLite's primary result code of a write that finds no room (`SQLITE_FULL`).
const FULL: &str = "13";

/// The database.
#[derive(Debug)]
pub(super) struct Store {
    pool: TracedPool<Sqlite>,
    is_held: AtomicBool,
    /// Removed with the store, where the database is a temporary one.
    _folder: Option<TempDir>,
}

/// The database failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    #[error("no folder for the database could be made: {0}")]
    Folder(#[from] std::io::Error),
    #[error("{0}")]
    Catalogue(String),
}

impl StoreError {
    /// Whether there was no room for a write.
    pub(super) fn is_full(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == FULL))
    }
}

/// One purchase, to be recorded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Purchase<'a> {
    pub(super) at_ms: i64,
    pub(super) tenant: &'a str,
    pub(super) user: &'a str,
    pub(super) capsule: &'a str,
    pub(super) cents: i64,
}

impl Store {
    /// Opens or makes the file, a temporary one where none is named, with the shipped catalogue.
    pub(super) async fn open(file: Option<&Path>) -> Result<Self, StoreError> {
        let (folder, path) = if let Some(file) = file {
            (None, file.to_owned())
        } else {
            let folder = tempfile::tempdir()?;
            let path = folder.path().join("analytics.db");
            (Some(folder), path)
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Off);
        // One connection for good: the limit of pages belongs to the connection.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await?;
        let store = Self {
            pool: TracedPool::new(pool, DatabaseTracer::new("sqlite").namespace("analytics")),
            is_held: AtomicBool::new(false),
            _folder: folder,
        };
        for capsule in catalogue::shipped().map_err(StoreError::Catalogue)? {
            store.offer(&capsule).await?;
        }
        Ok(store)
    }

    async fn offer(&self, capsule: &Capsule) -> Result<(), StoreError> {
        sqlx::query("INSERT OR REPLACE INTO capsule VALUES (?, ?, ?, ?, ?, ?, ?)")
            .bind(&capsule.id)
            .bind(&capsule.name)
            .bind(&capsule.publisher)
            .bind(&capsule.category)
            .bind(capsule.kind.as_str())
            .bind(capsule.price_cents)
            .bind(&capsule.description)
            .execute(&self.pool)
            .await?;
        sqlx::query("INSERT INTO capsule_text VALUES (?, ?, ?, ?)")
            .bind(&capsule.id)
            .bind(&capsule.name)
            .bind(&capsule.category)
            .bind(&capsule.description)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Holds the file at its size, or lets it grow again. Does nothing where that is so already.
    pub(super) async fn hold_size(&self, is_held: bool) -> Result<(), StoreError> {
        if self.is_held.swap(is_held, Ordering::Relaxed) == is_held {
            return Ok(());
        }
        // SQLite raises a limit below the present size to that size.
        let limit = if is_held {
            "PRAGMA max_page_count = 1"
        } else {
            "PRAGMA max_page_count = 4294967294"
        };
        sqlx::query(limit).execute(&self.pool).await?;
        Ok(())
    }

    /// Records events, all or none.
    pub(super) async fn record(&self, events: &[Event]) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        let mut insert =
            QueryBuilder::<Sqlite>::new("INSERT INTO event (at_ms, kind, tenant, subject, outcome, duration_ms) ");
        insert.push_values(events, |mut row, event| {
            row.push_bind(event.at_ms)
                .push_bind(&event.kind)
                .push_bind(&event.tenant)
                .push_bind(&event.subject)
                .push_bind(&event.outcome)
                .push_bind(event.duration_ms);
        });
        insert.build().execute(&self.pool).await?;
        Ok(())
    }

    /// Records a purchase.
    pub(super) async fn buy(&self, purchase: &Purchase<'_>) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO purchase (at_ms, tenant, user, capsule, cents) VALUES (?, ?, ?, ?, ?)")
            .bind(purchase.at_ms)
            .bind(purchase.tenant)
            .bind(purchase.user)
            .bind(purchase.capsule)
            .bind(purchase.cents)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Whether a tenant has bought a capsule.
    pub(super) async fn has_bought(&self, tenant: &str, capsule: &str) -> Result<bool, StoreError> {
        let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM purchase WHERE tenant = ? AND capsule = ? LIMIT 1")
            .bind(tenant)
            .bind(capsule)
            .fetch_optional(&self.pool)
            .await?;
        Ok(found.is_some())
    }

    /// A capsule by its id.
    pub(super) async fn capsule(&self, id: &str) -> Result<Option<Capsule>, StoreError> {
        let row = sqlx::query(
            "SELECT id, name, publisher, category, kind, price_cents, description FROM capsule WHERE id = ?",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(read_capsule).transpose()
    }

    /// Capsules that hold any of the words, those first that hold more and rarer ones (BM25).
    pub(super) async fn search(&self, query: &str, limit: u32) -> Result<Vec<Capsule>, StoreError> {
        // Quoted words alone: the operators of the query language are not for strangers.
        let words: Vec<String> = text::words(query).map(|word| format!("\"{word}\"")).collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query(
            "SELECT c.id, c.name, c.publisher, c.category, c.kind, c.price_cents, c.description
             FROM capsule_text t JOIN capsule c ON c.id = t.id
             WHERE capsule_text MATCH ? ORDER BY bm25(capsule_text), c.id LIMIT ?",
        )
        .bind(words.join(" OR "))
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(read_capsule).collect()
    }

    /// The answer to a question over what happened since then.
    pub(super) async fn report(&self, kind: &Kind, since_ms: i64) -> Result<Report, StoreError> {
        let rows = sqlx::query(kind.statement).bind(since_ms).fetch_all(&self.pool).await?;
        let read = |row: &SqliteRow| -> Result<Row, sqlx::Error> {
            Ok(Row {
                subject: row.try_get(0)?,
                count: row.try_get(1)?,
                value: row.try_get(2)?,
            })
        };
        Ok(Report {
            report: kind.name.to_owned(),
            rows: rows.iter().map(read).collect::<Result<_, _>>()?,
        })
    }

    /// Removes what is older than a day.
    pub(super) async fn prune(&self, now_ms: i64) -> Result<(), StoreError> {
        for statement in [
            "DELETE FROM event WHERE at_ms < ?",
            "DELETE FROM purchase WHERE at_ms < ?",
        ] {
            sqlx::query(statement)
                .bind(now_ms - KEEP_MS)
                .execute(&self.pool)
                .await?;
        }
        Ok(())
    }

    /// Bytes of the database.
    pub(super) async fn size_bytes(&self) -> Result<i64, StoreError> {
        let size = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        Ok(sqlx::query_scalar(size).fetch_one(&self.pool).await?)
    }
}

fn read_capsule(row: &SqliteRow) -> Result<Capsule, StoreError> {
    let kind: &str = row.try_get(4)?;
    Ok(Capsule {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        publisher: row.try_get(2)?,
        category: row.try_get(3)?,
        kind: CapsuleKind::parse(kind).ok_or_else(|| StoreError::Catalogue(format!("there is no kind {kind}")))?,
        price_cents: row.try_get(5)?,
        description: row.try_get(6)?,
    })
}

#[cfg(test)]
mod tests;
