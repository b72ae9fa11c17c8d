//! What of the translation of OTLP metrics can be chosen: the `otlp` section of `prometheus.yml`.

use crate::otlp::names::{LabelNamer, TranslationStrategy};

/// Which resource attributes become labels of every series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourcePromotion {
    /// Those named.
    Only(Vec<String>),
    /// All but those named.
    AllBut(Vec<String>),
}

impl ResourcePromotion {
    /// Whether the attribute becomes a label.
    pub(super) fn takes(&self, attribute: &str) -> bool {
        let (names, is_listed) = match self {
            Self::Only(names) => (names, true),
            Self::AllBut(names) => (names, false),
        };
        names.iter().any(|name| name == attribute) == is_listed
    }
}

/// How OTLP metrics become series, under the names of the `otlp` section of `prometheus.yml`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the switches that Prometheus has"
)]
pub struct MetricOptions {
    /// How names are translated.
    pub translation_strategy: TranslationStrategy,
    /// Which resource attributes become labels.
    pub resource_promotion: ResourcePromotion,
    /// Whether the identifying attributes stay in `target_info`.
    pub keep_identifying_resource_attributes: bool,
    /// Whether histograms become native ones with custom buckets.
    pub convert_histograms_to_nhcb: bool,
    /// Whether the scope's name, version and attributes become labels.
    pub promote_scope_metadata: bool,
    /// Whether a label that begins with one underscore gets the prefix `key`.
    pub label_name_underscore_sanitization: bool,
    /// Whether runs of underscores stay.
    pub label_name_preserve_multiple_underscores: bool,
    /// Whether each series gets `__type__` and `__unit__` (`--enable-feature=type-and-unit-labels`).
    pub type_and_unit_labels: bool,
}

impl Default for MetricOptions {
    fn default() -> Self {
        Self {
            translation_strategy: TranslationStrategy::default(),
            resource_promotion: ResourcePromotion::Only(Vec::new()),
            keep_identifying_resource_attributes: false,
            convert_histograms_to_nhcb: false,
            promote_scope_metadata: false,
            label_name_underscore_sanitization: true,
            label_name_preserve_multiple_underscores: true,
            type_and_unit_labels: false,
        }
    }
}

impl MetricOptions {
    /// How attribute names become label names.
    pub const fn label_namer(&self) -> LabelNamer {
        LabelNamer {
            utf8_allowed: self.translation_strategy.allows_utf8(),
            underscore_sanitization: self.label_name_underscore_sanitization,
            preserve_multiple_underscores: self.label_name_preserve_multiple_underscores,
        }
    }
}
