//! All dead letters in one reading: the counts of each topic and of each reason, and the newest ones that match.

use std::collections::BTreeMap;

use serde::Serialize;

use super::read::{Reader, letter};
use super::{Filter, Letter, Queue};
use crate::{BusConfig, BusError, DLQ_SUFFIX};

/// Letters that wait for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Topic whose events they are.
    pub source_topic: String,
    /// Class of the error.
    pub error_type: String,
    /// Letters that wait.
    pub waiting: u64,
}

/// What lies on the dead-letter topics.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Survey {
    /// The topics, by name.
    pub queues: Vec<Queue>,
    /// Why letters wait, the most frequent reason first.
    pub reasons: Vec<Reason>,
    /// Letters that the filter means.
    pub matched: usize,
    /// The newest of them, at most as many as the filter's limit.
    pub letters: Vec<Letter>,
}

/// Letters that are kept while reading, beyond those that are given, so that they are not sorted for each record.
const SLACK: usize = 1_000;

/// Reads every dead-letter topic once.
pub(super) fn read_survey(config: &BusConfig, filter: &Filter) -> Result<Survey, BusError> {
    let reader = Reader::connect(config)?;
    let topics = reader.topics()?;
    let settlements = reader.settlements(&topics)?;
    let mut survey = Survey::default();
    let mut reasons = BTreeMap::new();
    for (topic, partitions) in &topics {
        let Some(source_topic) = topic.strip_suffix(DLQ_SUFFIX) else {
            continue;
        };
        let (spans, is_truncated) = reader.spans(topic, *partitions)?;
        let mut queue = Queue {
            topic: topic.clone(),
            source_topic: source_topic.to_owned(),
            waiting: 0,
            settled: 0,
            oldest: None,
            is_truncated,
        };
        reader.read(&spans, |message| {
            let Some(letter) = letter(message, &settlements) else {
                return;
            };
            count(&mut queue, &mut reasons, &letter);
            if filter.matches(&letter) {
                survey.matched += 1;
                survey.letters.push(letter);
                if survey.letters.len() > filter.limit.saturating_add(SLACK) {
                    keep_newest(&mut survey.letters, filter.limit);
                }
            }
        })?;
        survey.queues.push(queue);
    }
    keep_newest(&mut survey.letters, filter.limit);
    survey.reasons = by_frequency(reasons);
    Ok(survey)
}

/// Letters that wait, by source topic and class of error.
type Reasons = BTreeMap<(String, String), u64>;

fn count(queue: &mut Queue, reasons: &mut Reasons, letter: &Letter) {
    if letter.settled.is_some() {
        queue.settled += 1;
        return;
    }
    queue.waiting += 1;
    let key = (queue.source_topic.clone(), letter.letter.error_type.clone());
    *reasons.entry(key).or_default() += 1;
    let at = &letter.letter.timestamp;
    if queue.oldest.as_ref().is_none_or(|oldest| at < oldest) {
        queue.oldest = Some(at.clone());
    }
}

fn by_frequency(reasons: Reasons) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = reasons
        .into_iter()
        .map(|((source_topic, error_type), waiting)| Reason {
            source_topic,
            error_type,
            waiting,
        })
        .collect();
    // Stable: equal counts stay in the order of their names.
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.waiting));
    reasons
}

/// Newest first, at most `limit`.
pub(super) fn keep_newest(letters: &mut Vec<Letter>, limit: usize) {
    letters.sort_by(|a, b| (&b.letter.timestamp, &b.id).cmp(&(&a.letter.timestamp, &a.id)));
    letters.truncate(limit);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_reason_comes_first() {
        let key = |topic: &str, class: &str| (topic.to_owned(), class.to_owned());
        let reasons = Reasons::from([(key("a", "x"), 1), (key("a", "y"), 3), (key("b", "x"), 3)]);
        let sorted: Vec<(String, String, u64)> = by_frequency(reasons)
            .into_iter()
            .map(|reason| (reason.source_topic, reason.error_type, reason.waiting))
            .collect();
        let expected = [("a", "y", 3), ("b", "x", 3), ("a", "x", 1)];
        assert_eq!(sorted, expected.map(|(a, b, n)| (a.to_owned(), b.to_owned(), n)));
    }
}
