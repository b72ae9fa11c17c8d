//! Which letters are meant.

use super::{Letter, LetterId};
use crate::{DLQ_SUFFIX, dlq_topic};

/// Letters that are shown where no limit is given.
const DEFAULT_LIMIT: usize = 100;

/// A choice of letters: each part that is set must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Source topic or its dead-letter topic.
    pub topic: Option<String>,
    /// Class of the error.
    pub error_type: Option<String>,
    /// Consumer group that gave it up.
    pub consumer_group: Option<String>,
    /// Trace in which it was given up.
    pub trace_id: Option<String>,
    /// Text within the error message, the key or the event, in any case of letters.
    pub text: Option<String>,
    /// Given up at this time or later.
    pub since: Option<jiff::Timestamp>,
    /// Given up before this time.
    pub until: Option<jiff::Timestamp>,
    /// One of these letters; empty means any.
    pub ids: Vec<LetterId>,
    /// Dealt with, or waiting; none means both.
    pub is_settled: Option<bool>,
    /// Letters at most, the newest ones.
    pub limit: usize,
}

impl Default for Filter {
    /// Every letter that waits, at most a hundred.
    fn default() -> Self {
        Self {
            topic: None,
            error_type: None,
            consumer_group: None,
            trace_id: None,
            text: None,
            since: None,
            until: None,
            ids: Vec::new(),
            is_settled: Some(false),
            limit: DEFAULT_LIMIT,
        }
    }
}

impl Filter {
    /// Whether letters of this dead-letter topic can be meant, so that others are not read.
    pub(super) fn wants_topic(&self, dead_letter_topic: &str) -> bool {
        let by_name = self
            .topic
            .as_ref()
            .is_none_or(|topic| topic == dead_letter_topic || dlq_topic(topic) == dead_letter_topic);
        let by_id = self.ids.is_empty() || self.ids.iter().any(|id| id.topic == dead_letter_topic);
        dead_letter_topic.ends_with(DLQ_SUFFIX) && by_name && by_id
    }

    /// Whether the letter is meant.
    #[must_use]
    pub fn matches(&self, letter: &Letter) -> bool {
        let is = |wanted: &Option<String>, has: &str| wanted.as_ref().is_none_or(|wanted| wanted == has);
        let body = &letter.letter;
        self.wants_topic(&letter.id.topic)
            && (self.ids.is_empty() || self.ids.contains(&letter.id))
            && self.is_settled.is_none_or(|wanted| wanted == letter.settled.is_some())
            && is(&self.error_type, &body.error_type)
            && is(&self.consumer_group, &body.consumer_group)
            && is(&self.trace_id, body.trace_id.as_deref().unwrap_or_default())
            && self.is_in_time(&body.timestamp)
            && self.has_text(letter)
    }

    /// A letter whose time does not read is in no span of time.
    fn is_in_time(&self, timestamp: &str) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        timestamp
            .parse::<jiff::Timestamp>()
            .is_ok_and(|at| self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until))
    }

    fn has_text(&self, letter: &Letter) -> bool {
        let Some(text) = &self.text else { return true };
        let text = text.to_lowercase();
        [
            letter.letter.error_message.clone(),
            letter.key.clone(),
            letter.letter.original_event.to_string(),
        ]
        .iter()
        .any(|part| part.to_lowercase().contains(&text))
    }
}
