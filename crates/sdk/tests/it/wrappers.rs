//! The wrappers against real servers: Redis, PostgreSQL, SQLite, tonic, axum. They run with all features.

mod genai;
mod grpc;
mod http_client;
mod kafka;
mod postgres;
mod recorded;
mod redis;
mod servers;
mod sqlx;
