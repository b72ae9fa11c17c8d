//! Metrics with labels that are found quickly: a read-mostly table of metrics of the `prometheus` crate.
//!
//! `with_label_values` of the crate hashes with FNV under a lock, and hashes the labels without a mark between them, so
//! that `["ab", "c"]` and `["a", "bc"]` are one series to it; here the labels are hashed once with a fast hash, compared,
//! and looked up without a lock, the first series of a hash even without counting readers. The table also bounds the series: what comes after the limit is counted under
//! [`OVERFLOW`] in every label, so that a label from outside cannot fill the memory.

use std::collections::HashMap as StdHashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use hashbrown::HashTable;
use prometheus::core::{AtomicI64, AtomicU64, Collector, Desc, GenericCounter, GenericGauge, Metric};
use prometheus::proto::{MetricFamily, MetricType};
use prometheus::{Histogram, HistogramOpts, Opts, Registry};

use self::labels::{Front, Hashing, Key};

mod labels;

/// Value of all labels of the series that takes what is beyond the limit.
pub const OVERFLOW: &str = "_OTHER";
/// Series of one family where no limit is given, as in the OpenTelemetry specification.
pub const DEFAULT_LIMIT: usize = 2000;

/// Counters with `N` labels.
pub type CounterFamily<const N: usize> = Family<GenericCounter<AtomicU64>, N>;
/// Gauges with `N` labels.
pub type GaugeFamily<const N: usize> = Family<GenericGauge<AtomicI64>, N>;
/// Histograms with `N` labels.
pub type HistogramFamily<const N: usize> = Family<Histogram, N>;

/// Series by the hash of their labels.
type Table<M, const N: usize> = HashTable<(Key<N>, M)>;
type Make<M> = dyn Fn(StdHashMap<String, String>) -> prometheus::Result<M> + Send + Sync;

/// Metrics of one name that differ by `N` labels.
///
/// ```
/// use skopos_sdk::family::CounterFamily;
/// let registry = prometheus::Registry::new();
/// let orders = CounterFamily::register(&registry, "orders_total", "Orders taken.", ["shop", "kind", "outcome"])?;
/// orders.inc(["north", "web", "paid"]);
/// // For the innermost loop: the counter itself.
/// let paid = orders.get(["north", "web", "paid"]);
/// paid.inc();
/// assert_eq!(paid.get(), 2);
/// # Ok::<(), prometheus::Error>(())
/// ```
pub struct Family<M, const N: usize> {
    inner: Arc<Inner<M, N>>,
    limit: usize,
}

struct Inner<M, const N: usize> {
    front: Front<M, N>,
    table: ArcSwap<Table<M, N>>,
    hashing: Hashing,
    labels: [String; N],
    make: Box<Make<M>>,
    /// Where series go that the crate refuses to make; not exported.
    spare: M,
    desc: Desc,
    kind: MetricType,
}

impl<M, const N: usize> Clone for Family<M, N> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            limit: self.limit,
        }
    }
}

impl<M, const N: usize> fmt::Debug for Family<M, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Family")
            .field("name", &self.inner.desc.fq_name)
            .field("series", &self.inner.table.load().len())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl<M: Metric + Clone + 'static, const N: usize> Family<M, N> {
    fn of(
        registry: &Registry,
        name: &str,
        help: &str,
        labels: [&str; N],
        kind: MetricType,
        make: impl Fn(StdHashMap<String, String>) -> prometheus::Result<M> + Send + Sync + 'static,
    ) -> prometheus::Result<Self> {
        let labels = labels.map(str::to_owned);
        let inner = Inner {
            front: Front::default(),
            table: ArcSwap::from_pointee(Table::new()),
            hashing: Hashing::default(),
            spare: make(StdHashMap::new())?,
            make: Box::new(make),
            desc: Desc::new(name.to_owned(), help.to_owned(), labels.to_vec(), StdHashMap::new())?,
            labels,
            kind,
        };
        let family = Self {
            inner: Arc::new(inner),
            limit: DEFAULT_LIMIT,
        };
        registry.register(Box::new(family.clone()))?;
        Ok(family)
    }

    /// Another bound on the series than [`DEFAULT_LIMIT`].
    #[must_use]
    pub fn limit(mut self, series: usize) -> Self {
        self.limit = series;
        self
    }

    /// Calls the function with the metric of these labels.
    pub fn with<R>(&self, labels: [&str; N], update: impl FnOnce(&M) -> R) -> R {
        let inner = &*self.inner;
        let hash = inner.hashing.of(&labels);
        if let Some(metric) = inner.front.find(hash, &labels) {
            return update(metric);
        }
        match inner.table.load().find(hash, |(key, _)| key.is(&labels)) {
            Some((_, metric)) => update(metric),
            None => update(&self.make_series(hash, &labels)),
        }
    }

    /// The metric of these labels, to keep.
    #[must_use]
    pub fn get(&self, labels: [&str; N]) -> M {
        self.with(labels, Clone::clone)
    }

    fn make_series(&self, hash: u64, labels: &[&str; N]) -> M {
        let inner = &*self.inner;
        let overflow = [OVERFLOW; N];
        let (hash, labels) = if inner.table.load().len() < self.limit {
            (hash, labels)
        } else {
            (inner.hashing.of(&overflow), &overflow)
        };
        let known = |table: &Table<M, N>| {
            table
                .find(hash, |(key, _)| key.is(labels))
                .map(|(_, metric)| metric.clone())
        };
        if let Some(metric) = known(&inner.table.load()) {
            return metric;
        }
        let pairs = inner.labels.iter().cloned().zip(labels.map(str::to_owned));
        let Ok(made) = (inner.make)(pairs.collect()) else {
            return inner.spare.clone();
        };
        let key = Key::of(labels);
        let mut kept = made.clone();
        inner.table.rcu(|table| {
            // Another thread may have been first; its metric holds.
            if let Some(metric) = known(table) {
                kept = metric;
                return Table::clone(table);
            }
            kept = made.clone();
            let mut table = Table::clone(table);
            table.insert_unique(hash, (key.clone(), made.clone()), |(key, _)| inner.hashing.of_key(key));
            table
        });
        inner.front.offer(hash, &key, &kept);
        kept
    }
}

impl<M: Metric + Clone + 'static, const N: usize> Collector for Family<M, N> {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.inner.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut family = MetricFamily::default();
        family.set_name(self.inner.desc.fq_name.clone());
        family.set_help(self.inner.desc.help.clone());
        family.set_field_type(self.inner.kind);
        family.set_metric(
            self.inner
                .table
                .load()
                .iter()
                .map(|(_, metric)| metric.metric())
                .collect(),
        );
        vec![family]
    }
}

impl<const N: usize> CounterFamily<N> {
    /// Makes the family and adds it to the registry.
    pub fn register(registry: &Registry, name: &str, help: &str, labels: [&str; N]) -> prometheus::Result<Self> {
        let options = Opts::new(name, help);
        Self::of(registry, name, help, labels, MetricType::COUNTER, move |labels| {
            GenericCounter::with_opts(options.clone().const_labels(labels))
        })
    }

    /// Adds one.
    pub fn inc(&self, labels: [&str; N]) {
        self.with(labels, GenericCounter::inc);
    }

    /// Adds so many.
    pub fn add(&self, labels: [&str; N], count: u64) {
        self.with(labels, |counter| counter.inc_by(count));
    }
}

impl<const N: usize> GaugeFamily<N> {
    /// Makes the family and adds it to the registry.
    pub fn register(registry: &Registry, name: &str, help: &str, labels: [&str; N]) -> prometheus::Result<Self> {
        let options = Opts::new(name, help);
        Self::of(registry, name, help, labels, MetricType::GAUGE, move |labels| {
            GenericGauge::with_opts(options.clone().const_labels(labels))
        })
    }

    /// Adds one.
    pub fn inc(&self, labels: [&str; N]) {
        self.with(labels, GenericGauge::inc);
    }

    /// Takes one away.
    pub fn dec(&self, labels: [&str; N]) {
        self.with(labels, GenericGauge::dec);
    }

    /// Sets the value.
    pub fn set(&self, labels: [&str; N], value: i64) {
        self.with(labels, |gauge| gauge.set(value));
    }
}

impl<const N: usize> HistogramFamily<N> {
    /// Makes the family with the given upper bounds and adds it to the registry.
    pub fn register(
        registry: &Registry,
        name: &str,
        help: &str,
        labels: [&str; N],
        buckets: &[f64],
    ) -> prometheus::Result<Self> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        Self::of(registry, name, help, labels, MetricType::HISTOGRAM, move |labels| {
            Histogram::with_opts(options.clone().const_labels(labels))
        })
    }

    /// Adds an observation.
    pub fn observe(&self, labels: [&str; N], value: f64) {
        self.with(labels, |histogram| histogram.observe(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_beyond_the_limit_are_counted_together() {
        let registry = Registry::new();
        let family = CounterFamily::register(&registry, "visits_total", "Visits.", ["page", "from"])
            .expect("a valid name")
            .limit(2);
        for page in ["a", "b", "c", "d", "a"] {
            family.inc([page, "x"]);
        }
        let count = |labels| family.get(labels).get();
        assert_eq!((count(["a", "x"]), count(["b", "x"])), (2, 1));
        assert_eq!(count([OVERFLOW, OVERFLOW]), 2);
        assert_eq!(registry.gather()[0].get_metric().len(), 3);
    }

    #[test]
    fn many_threads_count_every_update_of_more_series_than_the_front_holds() {
        let family = CounterFamily::register(&Registry::new(), "u_total", "U.", ["number"]).expect("a valid name");
        let numbers: Vec<String> = (0..300).map(|number| number.to_string()).collect();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| numbers.iter().for_each(|number| family.inc([number])));
            }
        });
        assert!(numbers.iter().all(|number| family.get([number]).get() == 4));
        assert_eq!(family.collect()[0].get_metric().len(), 300);
    }

    #[test]
    fn labels_do_not_run_into_each_other() {
        let family = CounterFamily::register(&Registry::new(), "t_total", "T.", ["a", "b"]).expect("a valid name");
        family.inc(["ab", "c"]);
        assert_eq!(family.get(["a", "bc"]).get(), 0);
    }
}
