//! The tables, and how an older file is brought up to date.

/// The version that this code writes; kept in SQLite's `user_version`.
pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;

/// The statements that lead from each version to the next.
pub(crate) const MIGRATIONS: &[&[&str]] = &[&[
    "CREATE TABLE document (
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (kind, key)
    ) WITHOUT ROWID",
    "CREATE TABLE notification (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at_ms INTEGER NOT NULL,
        receiver TEXT NOT NULL,
        outcome TEXT NOT NULL,
        alertnames TEXT NOT NULL,
        incident TEXT,
        body TEXT NOT NULL
    )",
    "CREATE INDEX notification_at ON notification (at_ms)",
    "CREATE INDEX notification_incident ON notification (incident)",
    "CREATE TABLE incident (
        id TEXT PRIMARY KEY,
        started_ms INTEGER NOT NULL,
        resolved_ms INTEGER,
        service TEXT NOT NULL,
        body TEXT NOT NULL
    )",
    "CREATE INDEX incident_started ON incident (started_ms)",
]];
