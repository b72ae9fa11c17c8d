//! What the scraper tells about itself.

use std::sync::LazyLock;

use prometheus::{
    IntCounter, IntCounterVec, IntGaugeVec, register_int_counter, register_int_counter_vec, register_int_gauge_vec,
};

/// Scrapes by outcome: `ok`, `failed`.
pub(crate) static SCRAPES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!("skopos_scrape_scrapes_total", "Scrapes by outcome.", &["outcome"])
        .expect("the name is registered once and valid")
});

/// Samples by what became of them: `stored`, `refused`, `dropped`.
pub(crate) static SAMPLES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "skopos_scrape_samples_total",
        "Scraped samples by what became of them.",
        &["outcome"]
    )
    .expect("the name is registered once and valid")
});

/// Body bytes after decompression.
pub(crate) static BODY_BYTES: LazyLock<IntCounter> = LazyLock::new(|| {
    register_int_counter!(
        "skopos_scrape_body_bytes_total",
        "Bytes of scraped bodies after decompression."
    )
    .expect("the name is registered once and valid")
});

/// Targets of each job.
pub(crate) static TARGETS: LazyLock<IntGaugeVec> = LazyLock::new(|| {
    register_int_gauge_vec!("skopos_scrape_targets", "Targets by scrape job.", &["scrape_job"])
        .expect("the name is registered once and valid")
});
