//! Parts that stand in a query more than once are evaluated once for each grid of steps.
//!
//! Annotations name the first of the places that they are about, so nothing is lost. Parts with an
//! annotation that counts what it is about are evaluated again, as Prometheus counts it again.

use std::sync::Mutex;

use hashbrown::HashMap;

use super::{Evaluated, Grid};
use crate::ast::Expr;
use crate::position::PosRange;

/// Longest query that is searched for parts that repeat, in bytes of text.
const MAX_SEARCHED_BYTES: usize = 16 << 10;

/// Which parts repeat, and what they yielded.
#[derive(Default)]
pub(super) struct Shared {
    /// The class of a part and how many parts are in it, by place.
    classes: HashMap<PosRange, (usize, usize)>,
    found: Mutex<HashMap<(usize, Grid), Kept>>,
}

struct Kept {
    value: Evaluated,
    /// How often it will be asked for yet, at least.
    uses: usize,
}

impl Shared {
    /// Finds the largest parts that read series and repeat.
    pub(super) fn of(expr: &Expr, query: &str) -> Self {
        let mut selectors = 0;
        expr.for_each_selector(&mut |_| selectors += 1);
        if selectors < 2 || query.len() > MAX_SEARCHED_BYTES {
            return Self::default();
        }
        let mut places: HashMap<String, Vec<PosRange>> = HashMap::new();
        collect(expr, &mut places);
        let repeated = places.into_values().filter(|places| places.len() > 1).enumerate();
        let classes = repeated.flat_map(|(class, places)| {
            let members = places.len();
            places.into_iter().map(move |place| (place, (class, members)))
        });
        Self {
            classes: classes.collect(),
            found: Mutex::default(),
        }
    }

    /// Whether the part repeats.
    pub(super) fn is_shared(&self, expr: &Expr) -> bool {
        !self.classes.is_empty() && self.classes.contains_key(&expr.pos())
    }

    /// What the part yielded elsewhere in the query.
    pub(super) fn take(&self, expr: &Expr, grid: Grid) -> Option<Evaluated> {
        if self.classes.is_empty() {
            return None;
        }
        let key = (self.classes.get(&expr.pos())?.0, grid);
        let mut found = self.found.lock().expect("no holder of the lock panics");
        let kept = found.get_mut(&key)?;
        kept.uses = kept.uses.saturating_sub(1);
        if kept.uses == 0 {
            return found.remove(&key).map(|kept| kept.value);
        }
        Some(kept.value.clone())
    }

    /// Keeps what a part yielded for those like it.
    pub(super) fn keep(&self, expr: &Expr, grid: Grid, value: &Evaluated) {
        let Some((class, members)) = self.classes.get(&expr.pos()) else {
            return;
        };
        let kept = Kept {
            value: value.clone(),
            uses: members - 1,
        };
        let mut found = self.found.lock().expect("no holder of the lock panics");
        found.insert((*class, grid), kept);
    }
}

/// Gathers the places of calls, aggregations and selectors by their text.
fn collect(expr: &Expr, places: &mut HashMap<String, Vec<PosRange>>) {
    if matches!(expr, Expr::Aggregate(_) | Expr::Call(_) | Expr::Vector(_)) && reads(expr) {
        places.entry(key(expr)).or_default().push(expr.pos());
    }
    for child in expr.children() {
        collect(child, places);
    }
}

fn reads(expr: &Expr) -> bool {
    let mut reads = false;
    expr.for_each_selector(&mut |_| reads = true);
    reads
}

/// The text, and for each selector whether it reads whole histograms: that depends on what is
/// around the part.
fn key(expr: &Expr) -> String {
    let mut key = expr.to_string();
    expr.for_each_selector(&mut |selector| key.push(if selector.histogram_stats { 's' } else { 'w' }));
    key
}
