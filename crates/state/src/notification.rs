//! The history of notifications: what was sent to whom, when, and how it went.

use sqlx::Row as _;
use sqlx::sqlite::{Sqlite, SqliteRow};

use crate::error::StateError;
use crate::store::StateStore;

/// A notification to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotification {
    /// When its last attempt ended, Unix milliseconds.
    pub at_ms: i64,
    /// The receiver.
    pub receiver: String,
    /// How it went: `delivered` or `failed`.
    pub outcome: &'static str,
    /// Names of the alerts in it.
    pub alertnames: Vec<String>,
    /// The incident that it told of.
    pub incident: Option<String>,
    /// Everything else.
    pub body: String,
}

/// A recorded notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationRow {
    /// Its number; later ones are higher.
    pub id: i64,
    /// When its last attempt ended, Unix milliseconds.
    pub at_ms: i64,
    /// The receiver.
    pub receiver: String,
    /// How it went.
    pub outcome: String,
    /// The incident that it told of.
    pub incident: Option<String>,
    /// Everything else.
    pub body: String,
}

/// Which notifications are wanted; all that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotificationFilter {
    /// Only with a lower number.
    pub before: Option<i64>,
    /// Only of this receiver.
    pub receiver: Option<String>,
    /// Only with this outcome.
    pub outcome: Option<String>,
    /// Only with an alert of this name.
    pub alertname: Option<String>,
    /// Only of this incident.
    pub incident: Option<String>,
    /// Most that are given, the newest first.
    pub limit: u32,
}

const COLUMNS: &str = "SELECT id, at_ms, receiver, outcome, incident, body FROM notification WHERE 1 = 1";
/// Stands around each name, so that a name is found whole.
const SEPARATOR: &str = "\n";

impl StateStore {
    /// Records notifications, all or none; gives their numbers in the same order.
    pub async fn add_notifications(&self, notifications: &[NewNotification]) -> Result<Vec<i64>, StateError> {
        let mut transaction = self.pool.begin().await.map_err(StateError::writing)?;
        let mut ids = Vec::with_capacity(notifications.len());
        for notification in notifications {
            let names = format!("{SEPARATOR}{}{SEPARATOR}", notification.alertnames.join(SEPARATOR));
            let done = sqlx::query(
                "INSERT INTO notification (at_ms, receiver, outcome, alertnames, incident, body)
                 VALUES (?, ?, ?, ?, ?, ?)",
            )
            .bind(notification.at_ms)
            .bind(&notification.receiver)
            .bind(notification.outcome)
            .bind(names)
            .bind(&notification.incident)
            .bind(&notification.body)
            .execute(&mut *transaction)
            .await
            .map_err(StateError::writing)?;
            ids.push(done.last_insert_rowid());
        }
        transaction.commit().await.map_err(StateError::writing)?;
        Ok(ids)
    }

    /// Recorded notifications, the newest first.
    pub async fn notifications(&self, filter: &NotificationFilter) -> Result<Vec<NotificationRow>, StateError> {
        let mut query = sqlx::QueryBuilder::<Sqlite>::new(COLUMNS);
        if let Some(before) = filter.before {
            query.push(" AND id < ").push_bind(before);
        }
        for (column, wanted) in [
            (" AND receiver = ", &filter.receiver),
            (" AND outcome = ", &filter.outcome),
            (" AND incident = ", &filter.incident),
        ] {
            if let Some(wanted) = wanted {
                query.push(column).push_bind(wanted);
            }
        }
        if let Some(name) = &filter.alertname {
            let whole = format!("{SEPARATOR}{name}{SEPARATOR}");
            query.push(" AND instr(alertnames, ").push_bind(whole).push(") > 0");
        }
        query.push(" ORDER BY id DESC LIMIT ").push_bind(filter.limit);
        let rows = query.build().fetch_all(&self.pool).await.map_err(StateError::reading)?;
        Ok(rows.iter().map(read).collect())
    }

    /// One recorded notification.
    pub async fn notification(&self, id: i64) -> Result<Option<NotificationRow>, StateError> {
        let mut query = sqlx::QueryBuilder::<Sqlite>::new(COLUMNS);
        query.push(" AND id = ").push_bind(id);
        let row = query
            .build()
            .fetch_optional(&self.pool)
            .await
            .map_err(StateError::reading)?;
        Ok(row.as_ref().map(read))
    }

    /// Forgets notifications from before a time; gives how many.
    pub async fn forget_notifications(&self, before_ms: i64) -> Result<u64, StateError> {
        let done = sqlx::query("DELETE FROM notification WHERE at_ms < ?")
            .bind(before_ms)
            .execute(&self.pool)
            .await
            .map_err(StateError::writing)?;
        Ok(done.rows_affected())
    }
}

fn read(row: &SqliteRow) -> NotificationRow {
    NotificationRow {
        id: row.get(0),
        at_ms: row.get(1),
        receiver: row.get(2),
        outcome: row.get(3),
        incident: row.get(4),
        body: row.get(5),
    }
}
