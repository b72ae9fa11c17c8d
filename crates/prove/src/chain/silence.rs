//! Silences that hold an alert back.

use jiff::Timestamp;
use skopos_alertmanager::silence::Silence;
use skopos_core::Labels;

use super::{Chain, End};
use crate::report::{Link, RuleReport};

impl Chain<'_> {
    /// Says which silence holds back every alert of a rule. A silence that asks for labels which
    /// the proof did not give, such as one instance of many, is left alone.
    pub(super) fn silenced(&self, rule: &RuleReport) -> Option<End> {
        let by = rule.alerts.iter().map(|alert| {
            let labels = Labels::from_pairs(&alert.labels);
            self.silences.iter().find(|silence| silence.matches(&labels))
        });
        let by: Option<Vec<&Silence>> = by.collect();
        let silence = *by?.first()?;
        Some(End {
            link: Link::Silence,
            why: words(silence),
        })
    }
}

fn words(silence: &Silence) -> String {
    let matchers: Vec<String> = silence.matchers.iter().map(ToString::to_string).collect();
    let end = Timestamp::from_millisecond(silence.ends_at_ms)
        .map_or_else(|_| silence.ends_at_ms.to_string(), |end| end.to_string());
    format!(
        "the silence {} of {} holds it back until {end} ({}): {}",
        silence.id,
        silence.created_by,
        matchers.join(", "),
        silence.comment
    )
}
