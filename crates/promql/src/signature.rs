//! The table of functions: names, types of arguments and results.

use crate::ast::ValueType;

/// A function as the parser knows it.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: &'static str,
    /// Types of its arguments; the last may be optional or repeated.
    pub args: &'static [ValueType],
    /// How the last argument repeats.
    pub variadic: Variadic,
    /// What it returns.
    pub returns: ValueType,
    /// Whether Prometheus hides it behind a feature flag.
    pub experimental: bool,
}

/// How often the last argument of a function may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variadic {
    /// Exactly once.
    No,
    /// From never to that often.
    UpTo(usize),
    /// Any number of times, also never.
    Any,
}

impl Function {
    /// The function of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<&'static Self> {
        let position = FUNCTIONS.binary_search_by(|function| function.name.cmp(name));
        position.ok().map(|at| &FUNCTIONS[at])
    }

    /// The type of argument `index`, if the function takes that many.
    #[must_use]
    pub fn arg_type(&self, index: usize) -> Option<ValueType> {
        match self.variadic {
            Variadic::No => self.args.get(index).copied(),
            _ => self.args.get(index).or(self.args.last()).copied(),
        }
    }
}

const S: ValueType = ValueType::Scalar;
const T: ValueType = ValueType::String;
const V: ValueType = ValueType::Vector;
const M: ValueType = ValueType::Matrix;

const fn fixed(name: &'static str, args: &'static [ValueType], returns: ValueType) -> Function {
    Function {
        name,
        args,
        variadic: Variadic::No,
        returns,
        experimental: false,
    }
}

const fn variadic(name: &'static str, args: &'static [ValueType], last: Variadic, returns: ValueType) -> Function {
    Function {
        name,
        args,
        variadic: last,
        returns,
        experimental: false,
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "takes a row of the table and gives it back"
)]
const fn experimental(function: Function) -> Function {
    Function {
        experimental: true,
        ..function
    }
}

const OPTIONAL: Variadic = Variadic::UpTo(1);

/// All functions, sorted by name.
pub static FUNCTIONS: &[Function] = &[
    fixed("abs", &[V], V),
    fixed("absent", &[V], V),
    fixed("absent_over_time", &[M], V),
    fixed("acos", &[V], V),
    fixed("acosh", &[V], V),
    fixed("asin", &[V], V),
    fixed("asinh", &[V], V),
    fixed("atan", &[V], V),
    fixed("atanh", &[V], V),
    fixed("avg_over_time", &[M], V),
    fixed("ceil", &[V], V),
    fixed("changes", &[M], V),
    fixed("clamp", &[V, S, S], V),
    fixed("clamp_max", &[V, S], V),
    fixed("clamp_min", &[V, S], V),
    fixed("cos", &[V], V),
    fixed("cosh", &[V], V),
    fixed("count_over_time", &[M], V),
    variadic("day_of_month", &[V], OPTIONAL, V),
    variadic("day_of_week", &[V], OPTIONAL, V),
    variadic("day_of_year", &[V], OPTIONAL, V),
    variadic("days_in_month", &[V], OPTIONAL, V),
    fixed("deg", &[V], V),
    fixed("delta", &[M], V),
    fixed("deriv", &[M], V),
    experimental(fixed("double_exponential_smoothing", &[M, S, S], V)),
    experimental(fixed("end", &[], S)),
    fixed("exp", &[V], V),
    experimental(fixed("first_over_time", &[M], V)),
    fixed("floor", &[V], V),
    fixed("histogram_avg", &[V], V),
    fixed("histogram_count", &[V], V),
    fixed("histogram_fraction", &[S, S, V], V),
    fixed("histogram_quantile", &[S, V], V),
    experimental(variadic("histogram_quantiles", &[V, T, S, S], Variadic::UpTo(9), V)),
    fixed("histogram_stddev", &[V], V),
    fixed("histogram_stdvar", &[V], V),
    fixed("histogram_sum", &[V], V),
    variadic("hour", &[V], OPTIONAL, V),
    fixed("idelta", &[M], V),
    fixed("increase", &[M], V),
    experimental(variadic("info", &[V, V], OPTIONAL, V)),
    fixed("irate", &[M], V),
    variadic("label_join", &[V, T, T, T], Variadic::Any, V),
    fixed("label_replace", &[V, T, T, T, T], V),
    fixed("last_over_time", &[M], V),
    fixed("ln", &[V], V),
    fixed("log10", &[V], V),
    fixed("log2", &[V], V),
    experimental(fixed("mad_over_time", &[M], V)),
    experimental(fixed("max_of", &[S, S], S)),
    fixed("max_over_time", &[M], V),
    experimental(fixed("min_of", &[S, S], S)),
    fixed("min_over_time", &[M], V),
    variadic("minute", &[V], OPTIONAL, V),
    variadic("month", &[V], OPTIONAL, V),
    fixed("pi", &[], S),
    fixed("predict_linear", &[M, S], V),
    fixed("present_over_time", &[M], V),
    fixed("quantile_over_time", &[S, M], V),
    fixed("rad", &[V], V),
    experimental(fixed("range", &[], S)),
    fixed("rate", &[M], V),
    fixed("resets", &[M], V),
    variadic("round", &[V, S], OPTIONAL, V),
    fixed("scalar", &[V], S),
    fixed("sgn", &[V], V),
    fixed("sin", &[V], V),
    fixed("sinh", &[V], V),
    fixed("sort", &[V], V),
    experimental(variadic("sort_by_label", &[V, T], Variadic::Any, V)),
    experimental(variadic("sort_by_label_desc", &[V, T], Variadic::Any, V)),
    fixed("sort_desc", &[V], V),
    fixed("sqrt", &[V], V),
    experimental(fixed("start", &[], S)),
    experimental(fixed("start_timestamp", &[V], V)),
    fixed("stddev_over_time", &[M], V),
    fixed("stdvar_over_time", &[M], V),
    experimental(fixed("step", &[], S)),
    fixed("sum_over_time", &[M], V),
    fixed("tan", &[V], V),
    fixed("tanh", &[V], V),
    fixed("time", &[], S),
    fixed("timestamp", &[V], V),
    experimental(fixed("ts_of_first_over_time", &[M], V)),
    experimental(fixed("ts_of_last_over_time", &[M], V)),
    experimental(fixed("ts_of_max_over_time", &[M], V)),
    experimental(fixed("ts_of_min_over_time", &[M], V)),
    fixed("vector", &[S], V),
    variadic("year", &[V], OPTIONAL, V),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted() {
        assert!(FUNCTIONS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }
}
