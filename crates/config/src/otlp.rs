//! The `otlp` section: how OTLP metrics become series.

use serde::Serialize;

use crate::error::Result;
use crate::global::NameValidationScheme;
use crate::section::Section;

/// How names of OTLP metrics and attributes are translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum TranslationStrategy {
    /// Classic characters, with suffixes of unit and type.
    #[default]
    UnderscoreEscapingWithSuffixes,
    /// Classic characters, without suffixes.
    UnderscoreEscapingWithoutSuffixes,
    /// Any characters, with suffixes.
    NoUTF8EscapingWithSuffixes,
    /// As they come.
    NoTranslation,
}

/// The `otlp` section.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the switches that Prometheus has"
)]
pub struct OtlpConfig {
    /// How names are translated.
    pub translation_strategy: TranslationStrategy,
    /// Whether all resource attributes become labels.
    pub promote_all_resource_attributes: bool,
    /// Resource attributes that become labels.
    pub promote_resource_attributes: Vec<String>,
    /// Resource attributes that do not, where all others do.
    pub ignore_resource_attributes: Vec<String>,
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
}

impl Default for OtlpConfig {
    fn default() -> Self {
        Self {
            translation_strategy: TranslationStrategy::default(),
            promote_all_resource_attributes: false,
            promote_resource_attributes: Vec::new(),
            ignore_resource_attributes: Vec::new(),
            keep_identifying_resource_attributes: false,
            convert_histograms_to_nhcb: false,
            promote_scope_metadata: false,
            label_name_underscore_sanitization: true,
            label_name_preserve_multiple_underscores: true,
        }
    }
}

const STRATEGIES: [(&str, TranslationStrategy); 4] = [
    (
        "UnderscoreEscapingWithSuffixes",
        TranslationStrategy::UnderscoreEscapingWithSuffixes,
    ),
    (
        "UnderscoreEscapingWithoutSuffixes",
        TranslationStrategy::UnderscoreEscapingWithoutSuffixes,
    ),
    (
        "NoUTF8EscapingWithSuffixes",
        TranslationStrategy::NoUTF8EscapingWithSuffixes,
    ),
    ("NoTranslation", TranslationStrategy::NoTranslation),
];

impl OtlpConfig {
    pub(crate) fn read(section: &Section<'_>, scheme: NameValidationScheme) -> Result<Self> {
        let config = Self {
            translation_strategy: section
                .choice("translation_strategy", &STRATEGIES, |text| {
                    format!("unsupported OTLP translation strategy {text:?}")
                })?
                .unwrap_or_default(),
            promote_all_resource_attributes: section.flag_or("promote_all_resource_attributes", false)?,
            promote_resource_attributes: attribute_names(section, "promote_resource_attributes")?,
            ignore_resource_attributes: attribute_names(section, "ignore_resource_attributes")?,
            keep_identifying_resource_attributes: section.flag_or("keep_identifying_resource_attributes", false)?,
            convert_histograms_to_nhcb: section.flag_or("convert_histograms_to_nhcb", false)?,
            promote_scope_metadata: section.flag_or("promote_scope_metadata", false)?,
            label_name_underscore_sanitization: section.flag_or("label_name_underscore_sanitization", true)?,
            label_name_preserve_multiple_underscores: section
                .flag_or("label_name_preserve_multiple_underscores", true)?,
        };
        config.check(section, scheme)?;
        Ok(config)
    }

    fn check(&self, section: &Section<'_>, scheme: NameValidationScheme) -> Result<()> {
        use TranslationStrategy as S;
        if self.promote_all_resource_attributes && !self.promote_resource_attributes.is_empty() {
            return Err(section.problem("'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be configured simultaneously"));
        }
        if !self.promote_all_resource_attributes && !self.ignore_resource_attributes.is_empty() {
            return Err(section.problem(
                "'ignore_resource_attributes' cannot be configured unless 'promote_all_resource_attributes' is true",
            ));
        }
        let needs_utf8 = matches!(
            self.translation_strategy,
            S::NoUTF8EscapingWithSuffixes | S::NoTranslation
        );
        if needs_utf8 && scheme == NameValidationScheme::Legacy {
            let message = format!(
                "OTLP translation strategy \"{:?}\" is not allowed when UTF8 is disabled",
                self.translation_strategy
            );
            return Err(section.problem_at("translation_strategy", message));
        }
        Ok(())
    }
}

/// Names without blanks around them; an empty or repeated one is a mistake.
fn attribute_names(section: &Section<'_>, key: &'static str) -> Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for name in section.texts(key)? {
        let name = name.trim();
        if name.is_empty() {
            return Err(section.problem_at(key, format!("invalid '{key}': empty name")));
        }
        if names.iter().any(|known| known == name) {
            return Err(section.problem_at(key, format!("invalid '{key}': duplicated name {name:?}")));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}
