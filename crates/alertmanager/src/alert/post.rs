//! Alerts as clients post them: defaults and checks.

use skopos_core::Labels;
use skopos_core::labels::is_legacy_label_name;

use super::{Alert, fingerprint};
use crate::ParserMode;

/// An alert as it was posted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PostableAlert {
    /// Labels in any order; those with an empty value do not count.
    pub labels: Vec<(String, String)>,
    /// Annotations in any order.
    pub annotations: Vec<(String, String)>,
    /// When it began, Unix milliseconds.
    pub starts_at_ms: Option<i64>,
    /// When it ended or will be taken for ended, Unix milliseconds.
    pub ends_at_ms: Option<i64>,
    /// Where it was made.
    pub generator_url: String,
}

/// Why a posted alert is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostableAlertError {
    /// It ends before it begins.
    #[error("start time must be before end time")]
    EndsBeforeStart,
    /// It has no label with a value.
    #[error("at least one label pair required")]
    NoLabels,
    /// A label has a name that is none.
    #[error("invalid label set: invalid name {0:?}")]
    LabelName(String),
    /// An annotation has a name that is none.
    #[error("invalid annotations: invalid name {0:?}")]
    AnnotationName(String),
}

impl PostableAlert {
    /// Fills in what was not said: the start is now, or the end if only that was given; the end is
    /// `resolve_timeout_ms` from now.
    pub fn into_alert(
        self,
        now_ms: i64,
        resolve_timeout_ms: i64,
        mode: ParserMode,
    ) -> Result<Alert, PostableAlertError> {
        let starts_at_ms = self.starts_at_ms.or(self.ends_at_ms).unwrap_or(now_ms);
        let ends_at_ms = self
            .ends_at_ms
            .unwrap_or_else(|| now_ms.saturating_add(resolve_timeout_ms));
        if ends_at_ms < starts_at_ms {
            return Err(PostableAlertError::EndsBeforeStart);
        }
        let labels = Labels::from_pairs(self.labels);
        if labels.is_empty() {
            return Err(PostableAlertError::NoLabels);
        }
        if let Some((name, _)) = labels.iter().find(|(name, _)| !is_name(name, mode)) {
            return Err(PostableAlertError::LabelName(name.to_owned()));
        }
        if let Some((name, _)) = self.annotations.iter().find(|(name, _)| !is_name(name, mode)) {
            return Err(PostableAlertError::AnnotationName(name.clone()));
        }
        Ok(Alert {
            fingerprint: fingerprint(&labels),
            labels,
            annotations: self.annotations.into(),
            starts_at_ms,
            ends_at_ms,
            updated_at_ms: now_ms,
            is_timeout: self.ends_at_ms.is_none(),
            generator_url: self.generator_url.into(),
        })
    }
}

fn is_name(name: &str, mode: ParserMode) -> bool {
    match mode {
        ParserMode::Classic => is_legacy_label_name(name),
        ParserMode::Fallback | ParserMode::Utf8Strict => !name.is_empty(),
    }
}
