//! The `otlp` section of `prometheus.yml` as the options of the translation.

use skopos_config::{OtlpConfig, TranslationStrategy as Configured};
use skopos_wire::otlp::names::TranslationStrategy;
use skopos_wire::otlp::{MetricOptions, ResourcePromotion};

/// The options that a section says; Prometheus' defaults without one.
pub(super) fn options(section: Option<&OtlpConfig>) -> MetricOptions {
    let Some(section) = section else {
        return MetricOptions::default();
    };
    MetricOptions {
        translation_strategy: match section.translation_strategy {
            Configured::UnderscoreEscapingWithSuffixes => TranslationStrategy::UnderscoreEscapingWithSuffixes,
            Configured::UnderscoreEscapingWithoutSuffixes => TranslationStrategy::UnderscoreEscapingWithoutSuffixes,
            Configured::NoUTF8EscapingWithSuffixes => TranslationStrategy::NoUtf8EscapingWithSuffixes,
            Configured::NoTranslation => TranslationStrategy::NoTranslation,
        },
        resource_promotion: if section.promote_all_resource_attributes {
            ResourcePromotion::AllBut(section.ignore_resource_attributes.clone())
        } else {
            ResourcePromotion::Only(section.promote_resource_attributes.clone())
        },
        keep_identifying_resource_attributes: section.keep_identifying_resource_attributes,
        convert_histograms_to_nhcb: section.convert_histograms_to_nhcb,
        promote_scope_metadata: section.promote_scope_metadata,
        label_name_underscore_sanitization: section.label_name_underscore_sanitization,
        label_name_preserve_multiple_underscores: section.label_name_preserve_multiple_underscores,
        type_and_unit_labels: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_both_sides_are_the_same() {
        assert_eq!(options(Some(&OtlpConfig::default())), MetricOptions::default());
        assert_eq!(options(None), MetricOptions::default());
    }
}
