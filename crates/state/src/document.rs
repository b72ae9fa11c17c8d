//! Documents: bodies under a kind and a key, for state machines that keep everything in memory and
//! only need it back after a restart.

use sqlx::Row as _;

use crate::error::StateError;
use crate::store::StateStore;

/// What a document belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An alert of the alertmanager, by fingerprint.
    Alert,
    /// A silence, by id.
    Silence,
    /// An entry of the notification log, by group and integration.
    NotificationLog,
    /// What decided an alert, by fingerprint.
    Evidence,
    /// The last report of a kind, by its name.
    Report,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Silence => "silence",
            Self::NotificationLog => "notification_log",
            Self::Evidence => "evidence",
            Self::Report => "report",
        }
    }
}

/// A document that is written or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it belongs to.
    pub kind: Kind,
    /// Its key within the kind.
    pub key: String,
    /// The new body; `None` removes the document.
    pub body: Option<String>,
}

/// A document as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its key within the kind.
    pub key: String,
    /// Its body.
    pub body: String,
}

impl StateStore {
    /// Writes all changes or none.
    pub async fn apply(&self, changes: &[Change]) -> Result<(), StateError> {
        if changes.is_empty() {
            return Ok(());
        }
        let mut transaction = self.pool.begin().await.map_err(StateError::writing)?;
        for change in changes {
            let statement = match &change.body {
                Some(body) => sqlx::query(
                    "INSERT INTO document (kind, key, body) VALUES (?, ?, ?)
                     ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
                )
                .bind(change.kind.as_str())
                .bind(&change.key)
                .bind(body),
                None => sqlx::query("DELETE FROM document WHERE kind = ? AND key = ?")
                    .bind(change.kind.as_str())
                    .bind(&change.key),
            };
            statement
                .execute(&mut *transaction)
                .await
                .map_err(StateError::writing)?;
        }
        transaction.commit().await.map_err(StateError::writing)
    }

    /// All documents of a kind, by key.
    pub async fn documents(&self, kind: Kind) -> Result<Vec<Document>, StateError> {
        let rows = sqlx::query("SELECT key, body FROM document WHERE kind = ? ORDER BY key")
            .bind(kind.as_str())
            .fetch_all(&self.pool)
            .await
            .map_err(StateError::reading)?;
        Ok(rows
            .iter()
            .map(|row| Document {
                key: row.get(0),
                body: row.get(1),
            })
            .collect())
    }

    /// The body of one document.
    pub async fn document(&self, kind: Kind, key: &str) -> Result<Option<String>, StateError> {
        sqlx::query_scalar("SELECT body FROM document WHERE kind = ? AND key = ?")
            .bind(kind.as_str())
            .bind(key)
            .fetch_optional(&self.pool)
            .await
            .map_err(StateError::reading)
    }
}
