//! The orders of alerts and groups in messages and answers.

use std::cmp::Ordering;

use skopos_core::Labels;

/// Labels that are looked at before all others.
const LEADING: [&str; 2] = ["job", "instance"];

/// The order of alerts in a group: by job, by instance, those without last, then [`by_labels`].
pub fn by_job_and_instance(left: &Labels, right: &Labels) -> Ordering {
    for name in LEADING {
        let order = match (left.find(name), right.find(name)) {
            (Some(left), Some(right)) => left.cmp(right),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    by_labels(left, right)
}

/// The order of label sets: fewer labels first, then by the first name or value that differs; of
/// two names the set without the smaller one comes first.
pub fn by_labels(left: &Labels, right: &Labels) -> Ordering {
    let by_count = left.len().cmp(&right.len());
    if by_count != Ordering::Equal {
        return by_count;
    }
    for ((left_name, left_value), (right_name, right_value)) in left.iter().zip(right) {
        let order = right_name.cmp(left_name).then_with(|| left_value.cmp(right_value));
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}
