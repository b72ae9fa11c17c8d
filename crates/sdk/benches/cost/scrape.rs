//! A scrape: the exposition of a service's registry, rendered.

use std::hint::black_box;

use skopos_sdk::family::{CounterFamily, HistogramFamily};

use crate::case::{Case, case, sdk};

/// Label sets of the counters, a series each.
const COUNTERS: usize = 280;
/// Label sets of the histogram, with eight buckets, `+Inf`, sum and count eleven series each.
const HISTOGRAMS: usize = 20;
const BUCKETS: [f64; 8] = [0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0];

pub(crate) fn cases() -> Vec<Case> {
    vec![case("scrape", "500 series", || {
        let observability = sdk("0");
        let orders = CounterFamily::register(observability.registry(), "orders_total", "Orders.", ["shop", "outcome"]);
        let orders = orders.expect("registers");
        for shop in 0..COUNTERS / 2 {
            for outcome in ["paid", "refused"] {
                orders.add([&format!("shop-{shop}"), outcome], shop as u64);
            }
        }
        let times = HistogramFamily::register(
            observability.registry(),
            "payment_duration_seconds",
            "Time of a payment.",
            ["provider"],
            &BUCKETS,
        );
        let times = times.expect("registers");
        for provider in 0..HISTOGRAMS {
            times.observe([&format!("provider-{provider}")], provider as f64 / 7.0);
        }
        Box::new(move |count| {
            for _ in 0..count {
                black_box(observability.render_metrics());
            }
        })
    })]
}
