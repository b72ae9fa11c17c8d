//! What the trace store tells of itself.

use std::sync::LazyLock;

use prometheus::{IntCounter, IntCounterVec, register_int_counter, register_int_counter_vec};

macro_rules! counter {
    ($name:ident, $metric:literal, $help:literal) => {
        pub(crate) static $name: LazyLock<IntCounter> =
            LazyLock::new(|| register_int_counter!($metric, $help).expect("the name is registered once"));
    };
}

counter!(
    SPANS_STORED,
    "skopos_traces_spans_stored_total",
    "Spans written to the log."
);
counter!(FLUSHES, "skopos_traces_flushes_total", "Heads brought to parts.");
counter!(
    COMPACTIONS,
    "skopos_traces_compactions_total",
    "Small parts merged into a larger one."
);
counter!(
    LOW_PRIORITY_SPANS,
    "skopos_traces_low_priority_spans_removed_total",
    "Spans of low-priority traces that were removed before the retention of the others."
);
counter!(
    BROKEN_RECORDS,
    "skopos_traces_broken_records_total",
    "Records of the log, or spans in them, that could not be read."
);
counter!(
    SPAN_METRICS_DROPPED,
    "skopos_traces_span_metrics_dropped_total",
    "Spans that made no metrics, because there were too many series."
);

/// Spans that were refused.
pub(crate) static SPANS_REFUSED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    register_int_counter_vec!(
        "skopos_traces_spans_refused_total",
        "Spans that were refused.",
        &["reason"]
    )
    .expect("the name is registered once")
});
