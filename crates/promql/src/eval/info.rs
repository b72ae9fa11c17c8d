//! `info`: adds labels of info series, such as `target_info`, to the series they describe.
//!
//! An info series describes the series with the same `instance` and `job`. It is looked up at the
//! time the described samples are read at, which `@` and `offset` may move.

use hashbrown::{HashMap, HashSet};
use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::Series;
use skopos_core::{Labels, LabelsBuilder, MatchOp, Matcher, TimeRange};

use super::column::Column;
use super::resolve::at_ms;
use super::select::{Found, LookAt, newest};
use super::{EvalResult, Evaluated, Evaluator, Frame};
use crate::ast::{AtModifier, Call, DurationArg, Expr, VectorSelector};
use crate::eval_error::EvalError;

const IDENTIFYING: [&str; 2] = ["instance", "job"];
const DEFAULT_INFO_METRIC: &str = "target_info";
/// What an info metric is called where a query only says what it is not called.
const ANY_INFO_METRIC: &str = ".+_info";

/// What the second argument asks for.
struct Wanted {
    name_matchers: Vec<Matcher>,
    data_matchers: Vec<Matcher>,
}

/// An info series with the time of its sample at each step.
struct InfoSeries {
    labels: Labels,
    found_ms: Vec<Option<i64>>,
}

impl Evaluator<'_> {
    pub(super) fn info(&self, call: &Call, frame: Frame) -> EvalResult<Evaluated> {
        let columns = self.eval_vector(&call.args[0], frame)?;
        let wanted = Wanted::new(call.args.get(1))?;
        let (info_columns, plain): (Vec<Column>, Vec<Column>) = columns
            .into_iter()
            .partition(|column| wanted.is_info_metric(column.labels.metric_name()));
        let infos = self.info_series(&wanted, &plain, look_at(&call.args[0], frame))?;
        let mut by_identity: HashMap<Labels, Vec<&InfoSeries>> = HashMap::new();
        for info in &infos {
            by_identity.entry(identity(&info.labels)).or_default().push(info);
        }
        let mut results = Merged::default();
        for column in plain {
            let infos = by_identity
                .get(&identity(&column.labels))
                .map_or(&[][..], Vec::as_slice);
            enrich(&column, infos, &wanted, &mut results)?;
        }
        for column in &info_columns {
            results.add_column(column)?;
        }
        Ok(Evaluated::Vector(results.columns))
    }

    /// The info series that describe any of the columns.
    fn info_series(&self, wanted: &Wanted, columns: &[Column], look_at: LookAt) -> EvalResult<Vec<InfoSeries>> {
        let mut matchers = wanted.name_matchers.clone();
        let mut identified = false;
        for name in IDENTIFYING {
            let values: HashSet<&str> = columns.iter().filter_map(|column| column.labels.find(name)).collect();
            if !values.is_empty() {
                identified = true;
                matchers.push(one_of(name, values)?);
            }
        }
        if !identified {
            return Ok(Vec::new());
        }
        matchers.extend(wanted.data_matchers.iter().cloned());
        let selector = VectorSelector {
            matchers,
            ..VectorSelector::default()
        };
        let lookback_ms = self.options.lookback_ms;
        let range = TimeRange::new(look_at.first().saturating_sub(lookback_ms - 1), look_at.last());
        let found = self.select(&selector, range, look_at.grid.spacing_ms())?;
        found
            .into_iter()
            .map(|series| InfoSeries::new(&series, look_at, lookback_ms))
            .collect()
    }
}

fn one_of(name: &str, values: HashSet<&str>) -> EvalResult<Matcher> {
    let mut values: Vec<String> = values.into_iter().map(regex::escape).collect();
    values.sort();
    Matcher::new(MatchOp::Regex, name, values.join("|")).map_err(|error| EvalError::execution(error.to_string()))
}

fn identity(labels: &Labels) -> Labels {
    labels.only(&IDENTIFYING)
}

/// When the samples of an expression are read: its first selector, moved by all that stands
/// around it.
fn look_at(expr: &Expr, frame: Frame) -> LookAt {
    let mut look_at = LookAt {
        grid: frame.grid,
        at_ms: None,
        offset_ms: 0,
    };
    follow(expr, &mut look_at);
    look_at
}

/// Whether a selector was found.
fn follow(expr: &Expr, look_at: &mut LookAt) -> bool {
    match expr {
        Expr::Vector(selector) => {
            shift_by(look_at, selector.at, &selector.offset);
            true
        }
        Expr::Matrix(matrix) => {
            shift_by(look_at, matrix.selector.at, &matrix.selector.offset);
            true
        }
        Expr::Subquery(subquery) => {
            let before = *look_at;
            shift_by(look_at, subquery.at, &subquery.offset);
            let found = follow(&subquery.expr, look_at);
            if !found {
                *look_at = before;
            }
            found
        }
        other => other.children().into_iter().any(|child| follow(child, look_at)),
    }
}

fn shift_by(look_at: &mut LookAt, at: Option<AtModifier>, offset: &DurationArg) {
    match at_ms(at) {
        Some(at_ms) => (look_at.at_ms, look_at.offset_ms) = (Some(at_ms), offset.ms),
        None => look_at.offset_ms = look_at.offset_ms.saturating_add(offset.ms),
    }
}

impl Wanted {
    fn new(selector: Option<&Expr>) -> EvalResult<Self> {
        let matchers = match selector.map(Expr::unwrap_parens) {
            Some(Expr::Vector(selector)) => selector.matchers.clone(),
            _ => Vec::new(),
        };
        let (mut name_matchers, data_matchers): (Vec<Matcher>, Vec<Matcher>) =
            matchers.into_iter().partition(|matcher| matcher.name() == METRIC_NAME);
        if name_matchers.is_empty() {
            name_matchers.push(Matcher::equal(METRIC_NAME, DEFAULT_INFO_METRIC));
        } else if name_matchers.iter().all(|matcher| matcher.op().is_negative()) {
            let any = Matcher::new(MatchOp::Regex, METRIC_NAME, ANY_INFO_METRIC);
            name_matchers.push(any.map_err(|error| EvalError::execution(error.to_string()))?);
        }
        Ok(Self {
            name_matchers,
            data_matchers,
        })
    }

    fn is_info_metric(&self, name: &str) -> bool {
        self.name_matchers.iter().all(|matcher| matcher.matches(name))
    }

    fn takes(&self, label: &str) -> bool {
        self.data_matchers.is_empty() || self.data_matchers.iter().any(|matcher| matcher.name() == label)
    }

    fn needs_a_match(&self) -> bool {
        self.data_matchers.iter().any(|matcher| !matcher.matches(""))
    }
}

impl InfoSeries {
    fn new(series: &Series, look_at: LookAt, lookback_ms: i64) -> EvalResult<Self> {
        let mut found_ms = Vec::with_capacity(look_at.grid.len());
        for found in newest(series.into(), look_at, lookback_ms) {
            found_ms.push(match found {
                Some(Found::Float(at)) => Some(series.timestamps_ms[at]),
                None => None,
                Some(Found::Histogram(_)) => {
                    let labels = &series.labels;
                    let message = format!("this should be an info metric, with float samples: {labels}");
                    return Err(EvalError::execution(message));
                }
            });
        }
        Ok(Self {
            labels: series.labels.clone(),
            found_ms,
        })
    }
}

/// Adds the labels of the info series that are newest at each step.
fn enrich(column: &Column, infos: &[&InfoSeries], wanted: &Wanted, results: &mut Merged) -> EvalResult<()> {
    let mut made: HashMap<Vec<usize>, Labels> = HashMap::new();
    for step in (0..column.floats.len()).filter(|step| column.has(*step)) {
        let chosen = newest_infos(infos, step)?;
        if chosen.is_empty() && wanted.needs_a_match() {
            continue;
        }
        let labels = if let Some(labels) = made.get(&chosen) {
            labels.clone()
        } else {
            let labels = enriched(&column.labels, infos, &chosen, wanted)?;
            made.insert(chosen, labels.clone());
            labels
        };
        results.add(column, labels, step)?;
    }
    Ok(())
}

/// Of each info metric the series with the newest sample.
fn newest_infos(infos: &[&InfoSeries], step: usize) -> EvalResult<Vec<usize>> {
    let mut by_metric: Vec<(usize, i64)> = Vec::new();
    for (at, info) in infos.iter().enumerate() {
        let Some(found_ms) = info.found_ms[step] else {
            continue;
        };
        let metric = info.labels.metric_name();
        let known = by_metric
            .iter_mut()
            .find(|(other, _)| infos[*other].labels.metric_name() == metric);
        match known {
            None => by_metric.push((at, found_ms)),
            Some(known) if known.1 < found_ms => *known = (at, found_ms),
            Some(known) if known.1 == found_ms => {
                let existing = &infos[known.0].labels;
                return Err(EvalError::execution(format!(
                    "found duplicate series for info metric: existing {existing} @ {found_ms}, new {} @ {found_ms}",
                    info.labels
                )));
            }
            Some(_) => {}
        }
    }
    Ok(by_metric.into_iter().map(|(at, _)| at).collect())
}

fn enriched(base: &Labels, infos: &[&InfoSeries], chosen: &[usize], wanted: &Wanted) -> EvalResult<Labels> {
    let mut added = LabelsBuilder::new();
    for at in chosen {
        for (name, value) in &infos[*at].labels {
            if name == METRIC_NAME || !wanted.takes(name) {
                continue;
            }
            let other = added.get(name);
            if !other.is_empty() && other != value {
                return Err(EvalError::execution(format!("conflicting label: {name}")));
            }
            if base.find(name).is_none() {
                added.set(name, value);
            }
        }
    }
    let mut builder = LabelsBuilder::from_labels(base);
    for (name, value) in added.iter() {
        builder.set(name, value);
    }
    Ok(builder.build())
}

/// Result columns by labels.
#[derive(Default)]
struct Merged {
    columns: Vec<Column>,
    positions: HashMap<Labels, usize>,
}

impl Merged {
    fn add(&mut self, source: &Column, labels: Labels, step: usize) -> EvalResult<()> {
        let position = *self.positions.entry(labels).or_insert_with_key(|labels| {
            let mut column = Column::empty(labels.clone(), source.floats.len());
            column.drop_name = source.drop_name;
            self.columns.push(column);
            self.columns.len() - 1
        });
        let target = &mut self.columns[position];
        if target.has(step) {
            let message = "vector cannot contain metrics with the same labelset";
            return Err(EvalError::execution(message));
        }
        if let Some(value) = source.value(step) {
            target.set(step, value);
        }
        Ok(())
    }

    fn add_column(&mut self, column: &Column) -> EvalResult<()> {
        (0..column.floats.len())
            .filter(|step| column.has(*step))
            .try_for_each(|step| self.add(column, column.labels.clone(), step))
    }
}
