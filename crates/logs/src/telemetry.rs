//! What the log store tells of itself.

use std::sync::LazyLock;

use prometheus::{IntCounter, IntCounterVec, register_int_counter, register_int_counter_vec};

macro_rules! counter {
    ($name:ident, $metric:literal, $help:literal) => {
        pub(crate) static $name: LazyLock<IntCounter> =
            LazyLock::new(|| register_int_counter!($metric, $help).expect("the name is registered once"));
    };
}

counter!(
    ENTRIES_STORED,
    "skopos_logs_entries_stored_total",
    "Entries written to the log."
);
counter!(
    BYTES_STORED,
    "skopos_logs_line_bytes_stored_total",
    "Bytes of the lines of those entries."
);
counter!(
    DUPLICATES,
    "skopos_logs_duplicate_entries_total",
    "Entries equal to the one before them in their stream, which are stored once."
);
counter!(FLUSHES, "skopos_logs_flushes_total", "Heads brought to parts.");
counter!(
    BROKEN_RECORDS,
    "skopos_logs_broken_records_total",
    "Records of the log that could not be read."
);
counter!(
    GRANULES_SKIPPED,
    "skopos_logs_granules_skipped_total",
    "Granules of parts that filters showed not to contain the text looked for."
);

/// Entries that were refused.
pub(crate) static ENTRIES_REFUSED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "skopos_logs_entries_refused_total",
        "Entries that were refused.",
        &["reason"]
    )
    .expect("the name is registered once")
});
