//! `rate`, `increase` and `delta` of plain floats, for all windows of a query at once.
//!
//! Most of what a window yields hangs on the times of its samples alone: which samples are in it and
//! how far their difference is extended. Series of one target have the same times, so this is found
//! once for each list of times; what is left for a series is a difference and a product a window.

use hashbrown::HashMap;

use super::rate::{Extent, Kind, Reach};

/// Windows of all lists of times together that are kept.
const MAX_KEPT_SPANS: usize = 64 * 1024;

/// The windows of a query, and what is known of them for lists of times.
pub(crate) struct PlainRates {
    kind: Kind,
    /// After the first time, up to the second.
    windows: Vec<(i64, i64)>,
    lists: Vec<List>,
    /// First time, last time and length of lists.
    by_ends: HashMap<(i64, i64, usize), Vec<usize>>,
    /// The list that was used last.
    last: usize,
}

/// A list of times with the windows over it.
struct List {
    times_ms: Vec<i64>,
    spans: Vec<Span>,
    looked_at: u64,
}

/// The samples of a window, and how their difference is extended.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: u32,
    to: u32,
    /// What the difference is multiplied with, unless the counter was zero within `reach`.
    factor: f64,
    /// The counter was not zero within the window if its first sample is at least so many times the
    /// difference.
    far_from_zero: f64,
    reach: Reach,
}

impl PlainRates {
    /// For windows in their order.
    pub(crate) fn new(kind: Kind, windows: Vec<(i64, i64)>) -> Self {
        Self {
            kind,
            windows,
            lists: Vec::new(),
            by_ends: HashMap::new(),
            last: 0,
        }
    }

    /// Writes the value of each window that has one to its slot. Gives the lengths of the windows.
    pub(crate) fn fill(
        &mut self,
        times_ms: &[i64],
        values: &[f64],
        slots: &mut [f64],
    ) -> impl Iterator<Item = usize> + use<'_> {
        let (kind, list) = (self.kind, self.list(times_ms));
        let is_reset = |pair: &[f64]| pair[1] < pair[0];
        if kind == Kind::Delta || !values.windows(2).any(is_reset) {
            for (slot, span) in slots.iter_mut().zip(&list.spans) {
                if let Some((first, last)) = span.ends(values) {
                    *slot = span.extended(last - first, first, kind);
                }
            }
        } else {
            let resets: Vec<usize> = (1..values.len()).filter(|at| values[*at] < values[at - 1]).collect();
            let mut passed = 0;
            for (slot, span) in slots.iter_mut().zip(&list.spans) {
                let Some((first, last)) = span.ends(values) else {
                    continue;
                };
                while resets.get(passed).is_some_and(|at| *at <= span.from as usize) {
                    passed += 1;
                }
                let within = resets[passed..].iter().take_while(|at| **at < span.to as usize);
                let risen = within.fold(last - first, |sum, at| sum + values[at - 1]);
                *slot = span.extended(risen, first, kind);
            }
        }
        list.spans.iter().map(Span::len)
    }

    /// Samples of all windows over the list of times that was used last.
    pub(crate) fn looked_at(&self) -> u64 {
        self.lists.get(self.last).map_or(0, |list| list.looked_at)
    }

    fn list(&mut self, times_ms: &[i64]) -> &List {
        if self.lists.get(self.last).is_none_or(|list| list.times_ms != times_ms) {
            self.last = self.find(times_ms).unwrap_or_else(|| self.add(times_ms));
        }
        &self.lists[self.last]
    }

    fn find(&self, times_ms: &[i64]) -> Option<usize> {
        let alike = self.by_ends.get(&ends(times_ms))?;
        alike.iter().copied().find(|at| self.lists[*at].times_ms == times_ms)
    }

    fn add(&mut self, times_ms: &[i64]) -> usize {
        if (self.lists.len() + 1) * self.windows.len() > MAX_KEPT_SPANS {
            self.lists.clear();
            self.by_ends.clear();
        }
        let list = List::new(times_ms, &self.windows, self.kind);
        let at = self.lists.len();
        self.by_ends.entry(ends(times_ms)).or_default().push(at);
        self.lists.push(list);
        at
    }
}

fn ends(times_ms: &[i64]) -> (i64, i64, usize) {
    let first = times_ms.first().copied().unwrap_or_default();
    (first, times_ms.last().copied().unwrap_or_default(), times_ms.len())
}

impl List {
    fn new(times_ms: &[i64], windows: &[(i64, i64)], kind: Kind) -> Self {
        let (mut from, mut to) = (0, 0);
        let span = |(start_ms, end_ms): &(i64, i64)| {
            from += times_ms[from..].iter().take_while(|time| **time <= *start_ms).count();
            to = to.max(from);
            to += times_ms[to..].iter().take_while(|time| **time <= *end_ms).count();
            Span::new(times_ms, from, to, (*start_ms, *end_ms), kind)
        };
        let spans: Vec<Span> = windows.iter().map(span).collect();
        Self {
            times_ms: times_ms.to_vec(),
            looked_at: spans.iter().map(|span| span.len() as u64).sum(),
            spans,
        }
    }
}

impl Span {
    fn new(times_ms: &[i64], from: usize, to: usize, (start_ms, end_ms): (i64, i64), kind: Kind) -> Self {
        // What rounding may add to a quotient is far below this.
        const MARGIN: f64 = 1.000_001;
        let within = &times_ms[from..to];
        let reach = Reach::new(Extent {
            start_ms,
            end_ms,
            first_ms: within.first().copied().unwrap_or(start_ms),
            last_ms: within.last().copied().unwrap_or(end_ms),
            count: within.len() as f64,
        });
        Self {
            from: from as u32,
            to: to as u32,
            factor: reach.factor(None, kind),
            far_from_zero: reach.to_start / reach.sampled * MARGIN,
            reach,
        }
    }

    fn len(&self) -> usize {
        (self.to - self.from) as usize
    }

    /// The first and the last value, where there are two.
    #[inline]
    fn ends(&self, values: &[f64]) -> Option<(f64, f64)> {
        if self.to - self.from < 2 {
            return None;
        }
        Some((values[self.from as usize], values[self.to as usize - 1]))
    }

    #[inline]
    fn extended(&self, risen: f64, first: f64, kind: Kind) -> f64 {
        let may_reach_zero = risen > 0.0 && first >= 0.0 && (first < risen * self.far_from_zero);
        if kind != Kind::Delta && may_reach_zero {
            return risen * self.reach.factor(Some(first / risen), kind);
        }
        risen * self.factor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_beyond_the_bound_are_forgotten() {
        let windows: Vec<(i64, i64)> = (0..100).map(|at| (at, at + 10)).collect();
        let mut rates = PlainRates::new(Kind::Rate, windows);
        for start in 0..2_000 {
            let mut slots = vec![f64::NAN; 100];
            let lengths: usize = rates.fill(&[start, start + 5], &[1.0, 2.0], &mut slots).sum();
            assert_eq!(lengths as u64, rates.looked_at());
            assert!(rates.lists.len() * 100 <= MAX_KEPT_SPANS);
        }
    }
}
