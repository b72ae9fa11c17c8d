//! Which letters are meant and what is to be done with them, from what a request says.

use skopos_bus::dead_letters::{Action, Filter, LetterId, Order, Pace};
use skopos_server::{DeadLettersError, LetterFilter, LetterWork};

use crate::query::api;

/// Letters of a page where nothing is said.
const PAGE: usize = 100;
/// Letters of a page at most.
const MAX_PAGE: usize = 1_000;
/// Letters that paging reaches, and that one job takes at most: the newest ones.
pub(super) const MAX_TAKEN: usize = 10_000;
/// Letters a second that can be asked for; beyond it no pause would be left.
const MAX_RATE: f64 = 10_000.0;
/// Letters that can be named at once.
const MAX_IDS: usize = 1_000;

/// Letters of a list.
#[derive(Debug)]
pub(super) struct Page {
    /// Which ones, up to the page's last.
    pub(super) filter: Filter,
    pub(super) offset: usize,
    pub(super) limit: usize,
}

fn bad(text: impl Into<String>) -> DeadLettersError {
    DeadLettersError::Bad(text.into())
}

/// A letter by its name.
pub(super) fn id(text: &str) -> Result<LetterId, DeadLettersError> {
    text.parse()
        .map_err(|error: skopos_bus::dead_letters::ParseIdError| bad(error.to_string()))
}

/// The page that is asked for.
pub(super) fn page(asked: &LetterFilter) -> Result<Page, DeadLettersError> {
    let (offset, limit) = (asked.offset.unwrap_or(0), asked.limit.unwrap_or(PAGE));
    if limit == 0 || limit > MAX_PAGE {
        return Err(bad(format!("limit {limit}: a page has 1 to {MAX_PAGE} letters")));
    }
    let end = offset.saturating_add(limit);
    if end > MAX_TAKEN {
        return Err(bad(format!(
            "offset {offset}: the newest {MAX_TAKEN} letters can be paged through; narrow the filter, such as by topic or until"
        )));
    }
    let filter = Filter {
        limit: end,
        ..filter(asked)?
    };
    Ok(Page { filter, offset, limit })
}

fn filter(asked: &LetterFilter) -> Result<Filter, DeadLettersError> {
    let is_settled = match asked.state.as_deref() {
        None | Some("waiting") => Some(false),
        Some("settled") => Some(true),
        Some("all") => None,
        Some(other) => return Err(bad(format!("state {other:?}: expected waiting, settled or all"))),
    };
    Ok(Filter {
        topic: asked.topic.clone(),
        error_type: asked.error_type.clone(),
        consumer_group: asked.group.clone(),
        trace_id: asked.trace_id.clone(),
        text: asked.text.clone(),
        since: time("since", asked.since.as_deref())?,
        until: time("until", asked.until.as_deref())?,
        ids: Vec::new(),
        is_settled,
        limit: MAX_TAKEN,
    })
}

fn time(name: &str, text: Option<&str>) -> Result<Option<jiff::Timestamp>, DeadLettersError> {
    let Some(text) = text else { return Ok(None) };
    let at = api::time_ms(text).map_err(|error| bad(format!("{name}: {error}")))?;
    let at = jiff::Timestamp::from_millisecond(at).map_err(|error| bad(format!("{name} {text:?}: {error}")))?;
    Ok(Some(at))
}

/// Whom to deal with and how. Nothing is chosen by silence: names or a filter must be given.
pub(super) fn order(action: Action, work: &LetterWork) -> Result<(Filter, Order), DeadLettersError> {
    let filter = match (&work.filter, work.ids.as_slice()) {
        (None, []) => {
            return Err(bad(
                "no letter is named: give ids, or a filter; the filter {} means all that wait",
            ));
        }
        (Some(_), [_, ..]) => return Err(bad("ids and a filter are given: one of them must choose")),
        (None, ids) if ids.len() > MAX_IDS => {
            return Err(bad(format!(
                "{} ids: name {MAX_IDS} at most, or use a filter",
                ids.len()
            )));
        }
        (None, ids) => Filter {
            ids: ids.iter().map(|text| id(text)).collect::<Result<_, _>>()?,
            limit: MAX_IDS,
            ..Filter::default()
        },
        (Some(asked), []) => chosen(asked)?,
    };
    if work.by.trim().is_empty() {
        return Err(bad("by is empty: say who asks, for the record"));
    }
    if action == Action::Discarded && work.reason.trim().is_empty() {
        return Err(bad(
            "reason is empty: say why the letters are discarded, for the record",
        ));
    }
    let pace = match work.rate_per_second {
        None => Pace::Full,
        Some(rate) if rate > 0.0 && rate <= MAX_RATE => Pace::PerSecond(rate),
        Some(rate) => {
            return Err(bad(format!(
                "rate_per_second {rate}: expected a number above 0 and up to {MAX_RATE}"
            )));
        }
    };
    let order = Order {
        action,
        pace,
        by: work.by.trim().to_owned(),
        reason: work.reason.trim().to_owned(),
    };
    Ok((filter, order))
}

/// The filter of a job: only letters that wait, and no page of them.
fn chosen(asked: &LetterFilter) -> Result<Filter, DeadLettersError> {
    if asked.offset.is_some() {
        return Err(bad("offset is for lists: a job takes the newest letters that match"));
    }
    let filter = filter(asked)?;
    if filter.is_settled != Some(false) {
        return Err(bad("state: only letters that wait can be dealt with"));
    }
    let limit = asked.limit.unwrap_or(MAX_TAKEN);
    if limit == 0 || limit > MAX_TAKEN {
        return Err(bad(format!("limit {limit}: a job takes 1 to {MAX_TAKEN} letters")));
    }
    Ok(Filter { limit, ..filter })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work() -> LetterWork {
        LetterWork {
            ids: vec!["a.dlq/0/1".to_owned()],
            by: "ada".to_owned(),
            ..LetterWork::default()
        }
    }

    #[test]
    fn a_page_reads_up_to_its_end() {
        let asked = LetterFilter {
            offset: Some(20),
            limit: Some(10),
            since: Some("1h".to_owned()),
            state: Some("all".to_owned()),
            ..LetterFilter::default()
        };
        let page = page(&asked).expect("a page");
        assert_eq!((page.offset, page.limit, page.filter.limit), (20, 10, 30));
        assert_eq!(page.filter.is_settled, None);
        assert!(page.filter.since.is_some_and(|at| at < jiff::Timestamp::now()));
    }

    #[test]
    fn pages_that_cannot_be_had() {
        let refused = |asked: LetterFilter| super::page(&asked).expect_err("refused").to_string();
        let base = LetterFilter::default;
        assert!(
            refused(LetterFilter {
                limit: Some(0),
                ..base()
            })
            .starts_with("limit 0")
        );
        assert!(
            refused(LetterFilter {
                offset: Some(MAX_TAKEN),
                ..base()
            })
            .starts_with("offset")
        );
        assert!(
            refused(LetterFilter {
                state: Some("gone".to_owned()),
                ..base()
            })
            .starts_with("state \"gone\"")
        );
        assert!(
            refused(LetterFilter {
                until: Some("soon".to_owned()),
                ..base()
            })
            .starts_with("until: ")
        );
    }

    #[test]
    fn an_order_says_whom_who_and_why() {
        let (filter, order) = order(Action::Replayed, &work()).expect("an order");
        assert_eq!(
            (filter.ids.len(), order.pace, order.by.as_str()),
            (1, Pace::Full, "ada")
        );
        let everything = LetterWork {
            ids: Vec::new(),
            filter: Some(LetterFilter::default()),
            rate_per_second: Some(5.0),
            reason: " a test ".to_owned(),
            ..work()
        };
        let (filter, order) = super::order(Action::Discarded, &everything).expect("an order");
        assert_eq!((filter.limit, filter.is_settled), (MAX_TAKEN, Some(false)));
        assert_eq!((order.pace, order.reason.as_str()), (Pace::PerSecond(5.0), "a test"));
    }

    #[test]
    fn orders_that_are_refused() {
        let refused = |action, work: &LetterWork| order(action, work).expect_err("refused").to_string();
        assert!(refused(Action::Discarded, &work()).starts_with("reason is empty"));
        for (change, expected) in [
            (
                LetterWork {
                    ids: Vec::new(),
                    ..work()
                },
                "no letter is named",
            ),
            (
                LetterWork {
                    filter: Some(LetterFilter::default()),
                    ..work()
                },
                "ids and a filter",
            ),
            (
                LetterWork {
                    by: " ".to_owned(),
                    ..work()
                },
                "by is empty",
            ),
            (
                LetterWork {
                    ids: vec!["a".to_owned()],
                    ..work()
                },
                "\"a\" names no dead letter",
            ),
            (
                LetterWork {
                    rate_per_second: Some(0.0),
                    ..work()
                },
                "rate_per_second 0",
            ),
            (
                LetterWork {
                    rate_per_second: Some(f64::NAN),
                    ..work()
                },
                "rate_per_second NaN",
            ),
        ] {
            let text = refused(Action::Replayed, &change);
            assert!(text.starts_with(expected), "{text}");
        }
        let of = |filter| LetterWork {
            ids: Vec::new(),
            filter: Some(filter),
            ..work()
        };
        let settled = LetterFilter {
            state: Some("all".to_owned()),
            ..LetterFilter::default()
        };
        assert!(refused(Action::Replayed, &of(settled)).starts_with("state"));
        let paged = LetterFilter {
            offset: Some(1),
            ..LetterFilter::default()
        };
        assert!(refused(Action::Replayed, &of(paged)).starts_with("offset"));
    }
}
