//! What rules tell of themselves.

use std::sync::LazyLock;

use prometheus::{Histogram, IntCounter, exponential_buckets, register_histogram, register_int_counter};

macro_rules! counter {
    ($name:ident, $metric:literal, $help:literal) => {
        pub(crate) static $name: LazyLock<IntCounter> =
            LazyLock::new(|| register_int_counter!($metric, $help).expect("the name is registered once"));
    };
}

counter!(
    EVALUATIONS,
    "skopos_rules_evaluations_total",
    "Evaluations of single rules."
);
counter!(
    FAILURES,
    "skopos_rules_evaluation_failures_total",
    "Evaluations of single rules that failed."
);
counter!(
    MISSED,
    "skopos_rules_group_iterations_missed_total",
    "Evaluations of groups that were skipped because those before took too long."
);
counter!(
    SAMPLES_REFUSED,
    "skopos_rules_samples_refused_total",
    "Samples made by rules that the store refused."
);

/// Time that a group takes.
pub(crate) static GROUP_SECONDS: LazyLock<Histogram> = LazyLock::new(|| {
    let buckets = exponential_buckets(0.001, 4.0, 8).expect("start, factor and count are positive");
    register_histogram!(
        "skopos_rules_group_duration_seconds",
        "Duration of evaluations of groups.",
        buckets
    )
    .expect("the name is registered once")
});
