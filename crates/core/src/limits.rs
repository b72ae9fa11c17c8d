//! Limits of a tenant, under the names Loki and Mimir use.

use std::time::Duration;

/// What one tenant may send, keep and ask.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Most label names a series may have.
    pub max_label_names_per_series: usize,
    /// Longest label name in bytes.
    pub max_label_name_length: usize,
    /// Longest label value in bytes.
    pub max_label_value_length: usize,
    /// Most series in the head at once; 0 is no limit.
    pub max_global_series_per_user: usize,
    /// Most log streams at once; 0 is no limit.
    pub max_global_streams_per_user: usize,
    /// Longest log line in bytes; 0 is no limit.
    pub max_line_size: usize,
    /// Most entries one log query may return.
    pub max_entries_limit_per_query: usize,
    /// Longest span of time one query may cover; zero is no limit.
    pub max_query_length: Duration,
    /// Largest request body after decompression, in bytes.
    pub max_recv_msg_size: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_label_names_per_series: 60,
            max_label_name_length: 1024,
            max_label_value_length: 2048,
            max_global_series_per_user: 0,
            max_global_streams_per_user: 10_000,
            max_line_size: 256 * 1024,
            max_entries_limit_per_query: 5000,
            max_query_length: Duration::ZERO,
            max_recv_msg_size: 100 * 1024 * 1024,
        }
    }
}
