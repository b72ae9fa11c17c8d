//! Incidents, with columns to filter by.

use sqlx::Row as _;
use sqlx::sqlite::{Sqlite, SqliteRow};

use crate::error::StateError;
use crate::store::StateStore;

/// An incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentRow {
    /// Its id.
    pub id: String,
    /// When its first alert fired, Unix milliseconds.
    pub started_ms: i64,
    /// When its last alert resolved, Unix milliseconds.
    pub resolved_ms: Option<i64>,
    /// The service.
    pub service: String,
    /// Everything else.
    pub body: String,
}

/// Which incidents are wanted; all that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IncidentFilter {
    /// Only resolved ones, or only those that are not.
    pub is_resolved: Option<bool>,
    /// Only of this service.
    pub service: Option<String>,
    /// Only those that started at this time or later.
    pub from_ms: Option<i64>,
    /// Only those that started before this time.
    pub to_ms: Option<i64>,
    /// Most that are given, the newest first.
    pub limit: u32,
}

impl StateStore {
    /// Writes incidents, all or none.
    pub async fn save_incidents(&self, incidents: &[IncidentRow]) -> Result<(), StateError> {
        let mut transaction = self.pool.begin().await.map_err(StateError::writing)?;
        for incident in incidents {
            sqlx::query(
                "INSERT INTO incident (id, started_ms, resolved_ms, service, body) VALUES (?, ?, ?, ?, ?)
                 ON CONFLICT (id) DO UPDATE SET started_ms = excluded.started_ms,
                 resolved_ms = excluded.resolved_ms, service = excluded.service, body = excluded.body",
            )
            .bind(&incident.id)
            .bind(incident.started_ms)
            .bind(incident.resolved_ms)
            .bind(&incident.service)
            .bind(&incident.body)
            .execute(&mut *transaction)
            .await
            .map_err(StateError::writing)?;
        }
        transaction.commit().await.map_err(StateError::writing)
    }

    /// Incidents, the newest first.
    pub async fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<IncidentRow>, StateError> {
        let mut query = sqlx::QueryBuilder::<Sqlite>::new(
            "SELECT id, started_ms, resolved_ms, service, body FROM incident WHERE 1 = 1",
        );
        match filter.is_resolved {
            Some(true) => query.push(" AND resolved_ms IS NOT NULL"),
            Some(false) => query.push(" AND resolved_ms IS NULL"),
            None => &mut query,
        };
        if let Some(service) = &filter.service {
            query.push(" AND service = ").push_bind(service);
        }
        if let Some(from_ms) = filter.from_ms {
            query.push(" AND started_ms >= ").push_bind(from_ms);
        }
        if let Some(to_ms) = filter.to_ms {
            query.push(" AND started_ms < ").push_bind(to_ms);
        }
        query
            .push(" ORDER BY started_ms DESC, id DESC LIMIT ")
            .push_bind(filter.limit);
        let rows = query.build().fetch_all(&self.pool).await.map_err(StateError::reading)?;
        Ok(rows.iter().map(read).collect())
    }

    /// One incident.
    pub async fn incident(&self, id: &str) -> Result<Option<IncidentRow>, StateError> {
        let row = sqlx::query("SELECT id, started_ms, resolved_ms, service, body FROM incident WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.pool)
            .await
            .map_err(StateError::reading)?;
        Ok(row.as_ref().map(read))
    }

    /// Forgets incidents that ended before a time; gives how many.
    pub async fn forget_incidents(&self, before_ms: i64) -> Result<u64, StateError> {
        let done = sqlx::query("DELETE FROM incident WHERE resolved_ms < ?")
            .bind(before_ms)
            .execute(&self.pool)
            .await
            .map_err(StateError::writing)?;
        Ok(done.rows_affected())
    }
}

fn read(row: &SqliteRow) -> IncidentRow {
    IncidentRow {
        id: row.get(0),
        started_ms: row.get(1),
        resolved_ms: row.get(2),
        service: row.get(3),
        body: row.get(4),
    }
}
