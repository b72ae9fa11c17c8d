//! Lends series of head and parts one after the other, sorted by labels, without a copy of the
//! samples of all of them.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::vec::IntoIter;

use parking_lot::RwLock;
use skopos_core::metric::{Lent, Selection, Series, SeriesView, Wanted};
use skopos_core::{Labels, QueryBudget, ReadError};
use skopos_storage::PartMeta;

use crate::chosen::{Chosen, ChosenSeries};
use crate::head::Head;
use crate::part::Kind;
use crate::record::SeriesRef;
use crate::run::{Run, normalise};
use crate::tenant::{STAGE, TenantMetrics, read_error, samples_in};

/// Samples decoded while the head is locked once, about.
const BATCH_SAMPLES: usize = 32 * 1024;
/// Series read while the head is locked once, at most.
const BATCH_SERIES: usize = 1024;

/// What is done with a series.
pub(crate) type Visitor<'a> = dyn FnMut(&SeriesView<'_>) -> Result<ControlFlow<()>, ReadError> + 'a;

/// Why lending ended.
pub(crate) enum End {
    Done,
    /// Samples went from the head to parts meanwhile: to be begun again behind the series that was
    /// lent last.
    Moved(Option<Labels>),
}

impl TenantMetrics {
    /// Lends the series that match and have samples, sorted by labels; nothing where parts of windows
    /// are to be read.
    pub(crate) fn lend(
        &self,
        selection: &Selection<'_>,
        wanted: Wanted,
        budget: &QueryBudget,
        visit: &mut Visitor<'_>,
    ) -> Result<Lent, ReadError> {
        let head = self.shared.head(&self.tenant);
        let mut after: Option<Labels> = None;
        loop {
            let mut visit = |view: &SeriesView<'_>| {
                if view.is_empty() || after.as_ref().is_some_and(|after| view.labels <= after) {
                    return Ok(ControlFlow::Continue(()));
                }
                visit(view)
            };
            // The head comes first: what leaves it from here on lies in the parts that are looked up then.
            let mut recent = HeadSeries::open(&head, selection, wanted);
            let metas = self
                .shared
                .choose_parts(&self.tenant, &selection.range, selection.resolution);
            if metas.iter().any(|meta| meta.spec.aggregate.is_some()) {
                if after.is_none() {
                    return Ok(Lent::Nothing);
                }
                self.lend_rest(selection, budget, &mut visit)?;
                return Ok(Lent::Samples);
            }
            let chosen = self.choose(&metas, selection, budget)?;
            let end = if chosen.is_empty() {
                lend_head(&mut recent, &mut visit)?
            } else {
                let begun = chosen.iter().map(begin);
                let mut parts = begun.collect::<Result<Vec<_>, _>>()?;
                merge(&mut recent, &mut parts, selection, &mut visit)?
            };
            match end {
                End::Done => return Ok(Lent::Samples),
                End::Moved(last) => after = last.or(after),
            }
        }
    }

    /// Lends what is left where windows took the place of samples meanwhile: the samples known of them.
    fn lend_rest(
        &self,
        selection: &Selection<'_>,
        budget: &QueryBudget,
        visit: &mut Visitor<'_>,
    ) -> Result<(), ReadError> {
        for found in self.collect(selection, budget)? {
            budget.release(found.charged_samples());
            let (series, _) = samples_in(found, selection.range);
            if visit(&SeriesView::from(&series))?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The rows of parts that a selection needs.
    fn choose(
        &self,
        metas: &[Arc<PartMeta>],
        selection: &Selection<'_>,
        budget: &QueryBudget,
    ) -> Result<Vec<Chosen>, ReadError> {
        let wants = |kind| matches!(kind, Kind::Floats | Kind::Histograms);
        let mut all = Vec::new();
        for meta in metas {
            budget.check(STAGE)?;
            let chosen = Chosen::find(&self.shared, meta, selection.matchers, selection.range, wants)
                .map_err(|error| read_error(&meta.path, &error))?;
            if let Some(chosen) = chosen {
                budget.note_part(chosen.share());
                all.push(chosen);
            }
        }
        Ok(all)
    }
}

fn begin(chosen: &Chosen) -> Result<ChosenSeries<'_>, ReadError> {
    chosen.begin().map_err(|error| read_error(chosen.path(), &error))
}

pub(crate) fn lend_head(recent: &mut HeadSeries<'_>, visit: &mut Visitor<'_>) -> Result<End, ReadError> {
    loop {
        match recent.current() {
            Current::None => return Ok(End::Done),
            Current::Moved => return Ok(End::Moved(recent.last.take())),
            Current::Series(at) => {
                if visit(&recent.view(at))?.is_break() {
                    return Ok(End::Done);
                }
                recent.next += 1;
            }
        }
    }
}

/// Merges sources that are each sorted by labels. Of samples of one time those of parts stay.
fn merge(
    recent: &mut HeadSeries<'_>,
    parts: &mut [ChosenSeries<'_>],
    selection: &Selection<'_>,
    visit: &mut Visitor<'_>,
) -> Result<End, ReadError> {
    let mut run = Run::default();
    let mut last = None;
    loop {
        let own = match recent.current() {
            Current::None => None,
            Current::Moved => return Ok(End::Moved(last)),
            Current::Series(at) => Some(at),
        };
        let of_parts = parts.iter().filter_map(ChosenSeries::peek).min();
        let of_head = own.map(|at| recent.labels(at));
        let Some(labels) = of_head.into_iter().chain(of_parts).min().cloned() else {
            return Ok(End::Done);
        };
        let own = own.filter(|at| *recent.labels(*at) == labels);
        clear(&mut run.series);
        for part in parts.iter_mut().filter(|part| part.peek() == Some(&labels)) {
            part.read_into(&mut run, selection.range)
                .map_err(|error| read_error(part.path(), &error))?;
        }
        run.series.labels = labels;
        if let Some(at) = own {
            add(&mut run.series, &recent.view(at));
            recent.next += 1;
        }
        normalise(&mut run.series, selection.range);
        if visit(&SeriesView::from(&run.series))?.is_break() {
            return Ok(End::Done);
        }
        last = Some(run.series.labels.clone());
    }
}

fn clear(series: &mut Series) {
    series.timestamps_ms.clear();
    series.values.clear();
    series.histogram_timestamps_ms.clear();
    series.histograms.clear();
}

fn add(series: &mut Series, view: &SeriesView<'_>) {
    series.timestamps_ms.extend_from_slice(view.timestamps_ms);
    series.values.extend_from_slice(view.values);
    series
        .histogram_timestamps_ms
        .extend_from_slice(view.histogram_timestamps_ms);
    series.histograms.extend_from_slice(view.histograms);
}

/// The matching series of a head, sorted. They are decoded some at a time, so that appends need not
/// wait until a query is done.
pub(crate) struct HeadSeries<'a> {
    head: &'a RwLock<Head>,
    selection: &'a Selection<'a>,
    wanted: Wanted,
    left: IntoIter<SeriesRef>,
    /// How often the head had forgotten samples when it was looked at first.
    forgets: u64,
    batch: Batch,
    next: usize,
    /// The last series of the batch before.
    last: Option<Labels>,
}

/// Series that were decoded together.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    times: Vec<i64>,
    values: Vec<f64>,
}

struct Entry {
    labels: Labels,
    floats: Range<usize>,
    /// In place of the floats, where the series has more than samples that came in order.
    whole: Option<Box<Series>>,
}

enum Current {
    None,
    Moved,
    Series(usize),
}

impl<'a> HeadSeries<'a> {
    fn open(head: &'a RwLock<Head>, selection: &'a Selection<'a>, wanted: Wanted) -> Self {
        let locked = head.read();
        let mut all = Self {
            head,
            selection,
            wanted,
            left: locked.sorted(selection.matchers).into_iter(),
            forgets: locked.forgets(),
            batch: Batch::default(),
            next: 0,
            last: None,
        };
        all.fill(&locked);
        all
    }

    /// Some of the series of a head, as they stood when it had forgotten so often.
    pub(crate) fn some(
        head: &'a RwLock<Head>,
        selection: &'a Selection<'a>,
        wanted: Wanted,
        (some, forgets): (Vec<SeriesRef>, u64),
    ) -> Self {
        Self {
            head,
            selection,
            wanted,
            left: some.into_iter(),
            forgets,
            batch: Batch::default(),
            next: 0,
            last: None,
        }
    }

    /// The series that is next.
    fn current(&mut self) -> Current {
        if self.next < self.batch.entries.len() {
            return Current::Series(self.next);
        }
        if self.left.len() == 0 {
            return Current::None;
        }
        let locked = self.head.read();
        if locked.forgets() != self.forgets {
            self.last = self.batch.entries.pop().map(|entry| entry.labels);
            return Current::Moved;
        }
        self.fill(&locked);
        drop(locked);
        if self.batch.entries.is_empty() {
            Current::None
        } else {
            Current::Series(0)
        }
    }

    /// Decodes the next batch; it is empty where no series is left.
    fn fill(&mut self, head: &Head) {
        let Batch { entries, times, values } = &mut self.batch;
        entries.clear();
        times.clear();
        values.clear();
        self.next = 0;
        while entries.len() < BATCH_SERIES && values.len() < BATCH_SAMPLES {
            let Some(reference) = self.left.next() else { break };
            let Some(series) = head.series(reference) else { continue };
            let start = values.len();
            let whole = series.lend(self.selection.range, self.wanted, times, values);
            if whole.is_none() && values.len() == start {
                continue;
            }
            entries.push(Entry {
                labels: series.labels.clone(),
                floats: start..values.len(),
                whole,
            });
        }
    }

    fn labels(&self, at: usize) -> &Labels {
        &self.batch.entries[at].labels
    }

    fn view(&self, at: usize) -> SeriesView<'_> {
        let Entry { labels, floats, whole } = &self.batch.entries[at];
        match whole {
            Some(series) => SeriesView::from(series.as_ref()),
            None => SeriesView {
                labels,
                timestamps_ms: &self.batch.times[floats.clone()],
                values: &self.batch.values[floats.clone()],
                histogram_timestamps_ms: &[],
                histograms: &[],
            },
        }
    }
}
