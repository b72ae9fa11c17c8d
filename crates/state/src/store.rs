//! Opening and closing the file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use crate::error::StateError;
use crate::schema::{MIGRATIONS, VERSION};

/// Readers beside the one writer that SQLite allows.
const CONNECTIONS: u32 = 4;
/// How long a statement waits for another writer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The state of one data directory.
#[derive(Debug, Clone)]
pub struct StateStore {
    pub(crate) pool: SqlitePool,
}

impl StateStore {
    /// Opens the file, made where it does not exist, and brings its tables up to date.
    pub async fn open(path: &Path) -> Result<Self, StateError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(BUSY_TIMEOUT);
        let failed = |source| StateError::Open {
            path: path.to_owned(),
            source,
        };
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .connect_with(options)
            .await
            .map_err(failed)?;
        migrate(&pool, path.to_owned()).await?;
        Ok(Self { pool })
    }

    /// Waits for what runs and closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

async fn migrate(pool: &SqlitePool, path: PathBuf) -> Result<(), StateError> {
    let failed = |source| StateError::Open {
        path: path.clone(),
        source,
    };
    let found: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(pool)
        .await
        .map_err(failed)?;
    if found > VERSION {
        return Err(StateError::Newer {
            path,
            found,
            known: VERSION,
        });
    }
    for (version, statements) in MIGRATIONS.iter().enumerate().skip(found.max(0) as usize) {
        let mut transaction = pool.begin().await.map_err(failed)?;
        for statement in *statements {
            sqlx::query(*statement)
                .execute(&mut *transaction)
                .await
                .map_err(failed)?;
        }
        let mark = format!("PRAGMA user_version = {}", version + 1);
        sqlx::query(sqlx::AssertSqlSafe(mark))
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
    }
    Ok(())
}
