//! Histograms as text, as `count_values` makes label values of them.

use std::fmt::Write;

use skopos_core::histogram::FloatHistogram;

use super::all_buckets;
use crate::number::format_value;

/// `{count:2, sum:3, (0.5,1]:2}`; empty buckets are left out.
pub(crate) fn to_text(histogram: &FloatHistogram) -> String {
    let (count, sum) = (format_value(histogram.count), format_value(histogram.sum));
    let mut text = format!("{{count:{count}, sum:{sum}");
    for bucket in all_buckets(histogram).into_iter().filter(|bucket| bucket.count != 0.0) {
        let open = if bucket.lower_inclusive { '[' } else { '(' };
        let close = if bucket.upper_inclusive { ']' } else { ')' };
        let (lower, upper) = (format_value(bucket.lower), format_value(bucket.upper));
        let count = format_value(bucket.count);
        write!(text, ", {open}{lower},{upper}{close}:{count}").expect("writing to a string cannot fail");
    }
    text.push('}');
    text
}
