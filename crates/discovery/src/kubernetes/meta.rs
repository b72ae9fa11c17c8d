//! Labels that all kinds of objects have.

use crate::labels::{TargetLabels, sanitized};

use super::objects::{Meta, Texts};

/// The start of all names.
pub(super) const PREFIX: &str = "__meta_kubernetes_";

/// The name of a label.
pub(super) fn name(rest: &str) -> String {
    format!("{PREFIX}{rest}")
}

/// Sets namespace, `<kind>_name`, labels and annotations of an object.
pub(super) fn set(labels: &mut TargetLabels, kind: &str, meta: &Meta) {
    labels.set(&name("namespace"), meta.namespace.as_str());
    set_own(labels, kind, meta);
}

/// The same without the namespace: for an object attached to another.
pub(super) fn set_own(labels: &mut TargetLabels, kind: &str, meta: &Meta) {
    labels.set(&name(&format!("{kind}_name")), meta.name.as_str());
    set_texts(labels, kind, meta);
}

/// Labels and annotations alone.
pub(super) fn set_texts(labels: &mut TargetLabels, kind: &str, meta: &Meta) {
    set_present(labels, &format!("{kind}_label"), &meta.labels);
    set_present(labels, &format!("{kind}_annotation"), &meta.annotations);
}

/// `<what>_<key>` with the value, and `<what>present_<key>`, which tells an empty value from none.
pub(super) fn set_present(labels: &mut TargetLabels, what: &str, texts: &Texts) {
    for (key, value) in texts {
        let key = sanitized(key);
        labels.set(&name(&format!("{what}_{key}")), value.as_str());
        labels.set(&name(&format!("{what}present_{key}")), "true");
    }
}
