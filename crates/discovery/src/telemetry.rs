//! What discovery tells about itself.

use std::sync::LazyLock;

use prometheus::{IntCounter, IntCounterVec, register_int_counter, register_int_counter_vec};

/// Questions by mechanism and outcome: `ok`, `failed`.
pub(crate) static REFRESHES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "skopos_sd_refreshes_total",
        "Times that a source of targets was asked, by mechanism and outcome.",
        &["mechanism", "outcome"]
    )
    .expect("the name is registered once and valid")
});

/// Target files that could not be used.
pub(crate) static FILE_SD_READ_ERRORS: LazyLock<IntCounter> = LazyLock::new(|| {
    register_int_counter!(
        "skopos_scrape_file_sd_read_errors_total",
        "Target files that could not be read or parsed."
    )
    .expect("the name is registered once and valid")
});
