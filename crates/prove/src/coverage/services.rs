//! Which services a rule is about: the rule's own label, the conditions of its selectors, or the services of the
//! series that it reads now.

use std::collections::{BTreeMap, BTreeSet};

use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::MetricSource;
use skopos_core::{MatchOp, Matcher, ReadError, TimeRange};
use skopos_promql::{DEFAULT_LOOKBACK_MS, Expr};
use skopos_rules::RuleSpec;

use crate::reads::{Role, reads};

/// Labels that name a service, the plainest first.
const SERVICE_LABELS: &[&str] = &[
    "service",
    "job",
    "service_name",
    "app",
    "application",
    "component",
    "app_kubernetes_io_name",
    "container",
    "deployment",
];
/// Labels that are looked for on series where the rule names none.
const SERIES_LABELS: &[&str] = &["service", "job"];

/// A service that a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) name: String,
    /// The label that names it, where alerts carry it.
    pub(super) label: Option<String>,
    pub(super) why: String,
}

/// The services that have series.
#[derive(Debug)]
pub(super) struct Live<'a> {
    source: &'a dyn MetricSource,
    range: TimeRange,
    names: BTreeSet<String>,
    /// Values of service labels that were asked for.
    values: BTreeMap<&'static str, Vec<String>>,
}

impl<'a> Live<'a> {
    /// Those that `up` tells of by `job`, and every `service`.
    pub(super) fn of(source: &'a dyn MetricSource, range: TimeRange) -> Result<Self, ReadError> {
        let jobs = source.label_values("job", &[Matcher::equal(METRIC_NAME, "up")], range)?;
        let services = source.label_values("service", &[], range)?;
        Ok(Self {
            source,
            range,
            names: jobs.into_iter().chain(services).collect(),
            values: BTreeMap::new(),
        })
    }

    pub(super) fn names(&self) -> BTreeSet<String> {
        self.names.clone()
    }

    /// The services that a rule is about; none if nothing tells.
    pub(super) fn services_of(&mut self, rule: &RuleSpec, expr: &Expr) -> Result<Vec<Service>, ReadError> {
        for label in SERVICE_LABELS {
            if let Some(name) = rule
                .labels
                .get(*label)
                .filter(|name| !name.is_empty() && !name.contains("{{"))
            {
                return Ok(vec![Service {
                    name: name.clone(),
                    label: Some((*label).to_owned()),
                    why: format!("its label {label}={name:?}"),
                }]);
            }
        }
        for label in SERVICE_LABELS {
            let found = self.of_conditions(label, expr)?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        self.of_series(expr)
    }

    /// Services that conditions on a label pick.
    fn of_conditions(&mut self, label: &'static str, expr: &Expr) -> Result<Vec<Service>, ReadError> {
        let mut found: BTreeMap<String, Service> = BTreeMap::new();
        for read in reads(expr, DEFAULT_LOOKBACK_MS) {
            if read.role == Role::Exclusion {
                continue;
            }
            for matcher in read.selector.matchers.iter().filter(|matcher| matcher.name() == label) {
                for name in self.picked(label, matcher)? {
                    found.entry(name.clone()).or_insert_with(|| Service {
                        name,
                        label: Some(label.to_owned()),
                        why: format!("its condition {matcher}"),
                    });
                }
            }
        }
        Ok(found.into_values().collect())
    }

    /// The values that a condition picks: those it lists, or those of live series. One that accepts series without
    /// the label picks none.
    fn picked(&mut self, label: &'static str, matcher: &Matcher) -> Result<Vec<String>, ReadError> {
        if matcher.matches_empty() {
            return Ok(Vec::new());
        }
        if let Some(literals) = matcher.literal_values() {
            return Ok(literals.to_vec());
        }
        if matcher.op() != MatchOp::Regex {
            return Ok(Vec::new());
        }
        if !self.values.contains_key(label) {
            let values = self.source.label_values(label, &[], self.range)?;
            self.values.insert(label, values);
        }
        let values = self.values.get(label).into_iter().flatten();
        Ok(values.filter(|value| matcher.matches(value)).cloned().collect())
    }

    /// The services of the series that the rule reads now.
    fn of_series(&self, expr: &Expr) -> Result<Vec<Service>, ReadError> {
        let mut found: BTreeMap<String, Service> = BTreeMap::new();
        for read in reads(expr, DEFAULT_LOOKBACK_MS) {
            if read.role == Role::Exclusion {
                continue;
            }
            for label in SERIES_LABELS {
                let names = self.source.label_values(label, &read.selector.matchers, self.range)?;
                for name in names.into_iter().filter(|name| self.names.contains(name)) {
                    let why = format!("series that it reads have {label}={name:?}");
                    let label = Some((*label).to_owned());
                    found.entry(name.clone()).or_insert(Service { name, label, why });
                }
                if !found.is_empty() {
                    break;
                }
            }
        }
        Ok(found.into_values().collect())
    }
}
