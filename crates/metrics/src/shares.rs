//! Series that are in the head alone, in shares for several threads.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use parking_lot::RwLock;
use skopos_core::metric::{Lent, Selection, SeriesView, Share, Wanted};
use skopos_core::{QueryBudget, ReadError};

use crate::head::Head;
use crate::record::SeriesRef;
use crate::tenant::{STAGE, TenantMetrics};
use crate::visit::{End, HeadSeries, lend_head};

/// Fewest series of a share, so that to wake a thread is not most of its work.
const SHARE_SERIES: usize = 256;

/// A share of the head's series.
struct HeadShare<'a> {
    head: Arc<RwLock<Head>>,
    selection: &'a Selection<'a>,
    wanted: Wanted,
    series: Vec<SeriesRef>,
    forgets: u64,
}

impl fmt::Debug for HeadShare<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeadShare")
            .field("series", &self.series.len())
            .finish_non_exhaustive()
    }
}

impl TenantMetrics {
    /// The matching series in at most `count` shares; `None` where parts are to be read as well.
    pub(crate) fn head_shares<'a>(
        &'a self,
        selection: &'a Selection<'a>,
        wanted: Wanted,
        count: usize,
    ) -> Option<Vec<Box<dyn Share + 'a>>> {
        let is_in_parts = || {
            let metas = self
                .shared
                .choose_parts(&self.tenant, &selection.range, selection.resolution);
            !metas.is_empty()
        };
        // Asked first, as sorting costs more than this, and again: what leaves the head from here on is in parts then.
        if is_in_parts() {
            return None;
        }
        let head = self.shared.head(&self.tenant);
        let (all, forgets) = {
            let locked = head.read();
            (locked.sorted(selection.matchers), locked.forgets())
        };
        if is_in_parts() {
            return None;
        }
        let count = (all.len() / SHARE_SERIES).clamp(1, count.max(1));
        let share = |series: &[SeriesRef]| -> Box<dyn Share + 'a> {
            Box::new(HeadShare {
                head: Arc::clone(&head),
                selection,
                wanted,
                series: series.to_vec(),
                forgets,
            })
        };
        Some(all.chunks(all.len().div_ceil(count).max(1)).map(share).collect())
    }
}

impl Share for HeadShare<'_> {
    fn visit(
        self: Box<Self>,
        budget: &QueryBudget,
        visit: &mut dyn FnMut(&SeriesView<'_>) -> ControlFlow<()>,
    ) -> Result<Lent, ReadError> {
        let mut series = HeadSeries::some(&self.head, self.selection, self.wanted, (self.series, self.forgets));
        let end = lend_head(&mut series, &mut |view: &SeriesView<'_>| {
            if view.is_empty() {
                return Ok(ControlFlow::Continue(()));
            }
            budget.charge(view.len(), STAGE)?;
            let flow = visit(view);
            budget.release(view.len());
            Ok(flow)
        })?;
        Ok(match end {
            End::Done => Lent::Samples,
            End::Moved(_) => Lent::Nothing,
        })
    }
}
