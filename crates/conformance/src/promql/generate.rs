//! Random expressions over the grammar, always the same for a seed: for round trips through the
//! printer, and for comparing engines.
//!
//! Times and durations are chosen so that no boundary of a range falls on a sample or on a step of
//! a subquery: every time is [`PHASE_SECONDS`] off the grid of [`GRID_SECONDS`], and every duration a
//! multiple of the grid. So ranges that include their start (before Prometheus 3) and those that do
//! not hold the same samples.

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::generate_words as words;

/// The grid that durations are multiples of.
pub const GRID_SECONDS: i64 = 15;
/// How far times lie behind a point of the grid.
pub const PHASE_SECONDS: i64 = 2;

/// Which language is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// All that our parser knows, experimental parts included.
    Complete,
    /// What Prometheus 2.42 knows without flags, for an engine to evaluate.
    Prometheus242,
}

/// Deepest nesting.
const MAX_DEPTH: u32 = 4;

/// A stream of expressions.
#[derive(Debug)]
pub struct Generator {
    rng: ChaCha8Rng,
    dialect: Dialect,
    base_seconds: i64,
}

impl Generator {
    /// Expressions for a seed; `@` stands near `base_seconds`, a multiple of the grid.
    #[must_use]
    pub fn new(seed: u64, dialect: Dialect, base_seconds: i64) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            dialect,
            base_seconds,
        }
    }

    /// The next expression: mostly a vector, sometimes a scalar.
    pub fn expression(&mut self) -> String {
        if self.chance(10) {
            self.scalar(MAX_DEPTH)
        } else {
            self.vector(MAX_DEPTH)
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words.choose(&mut self.rng).copied().unwrap_or_default()
    }

    fn is_complete(&self) -> bool {
        self.dialect == Dialect::Complete
    }

    fn vector(&mut self, depth: u32) -> String {
        if depth == 0 {
            return self.selector();
        }
        let depth = depth - 1;
        match self.rng.random_range(0..100) {
            0..15 => self.selector(),
            15..40 => self.range_function(depth),
            40..60 => self.aggregation(depth),
            60..80 => self.binary(depth),
            80..94 => self.vector_function(depth),
            94..97 => format!("-{}", self.vector(depth)),
            _ => format!("({})", self.vector(depth)),
        }
    }

    fn scalar(&mut self, depth: u32) -> String {
        let number = |rng: &mut ChaCha8Rng| format!("{}", f64::from(rng.random_range(-40..400)) / 4.0);
        if depth == 0 {
            return number(&mut self.rng);
        }
        let depth = depth - 1;
        match self.rng.random_range(0..10) {
            0..6 => number(&mut self.rng),
            6 => "time()".to_owned(),
            7 => format!("scalar({})", self.vector(depth)),
            8 if self.is_complete() => {
                let forms = ["5m", "step()", "max_of(1, 2)", "0x1f", "1e9", "Inf", "-NaN", "1_000"];
                self.pick(&forms).to_owned()
            }
            _ => {
                let op = self.pick(words::ARITHMETIC);
                format!("{} {op} ({})", self.scalar(depth), self.scalar(depth))
            }
        }
    }

    fn selector(&mut self) -> String {
        let bare = self.bare_selector();
        let extension = if self.is_complete() && self.chance(5) {
            " smoothed"
        } else {
            ""
        };
        format!("{bare}{extension}{}", self.modifiers())
    }

    fn bare_selector(&mut self) -> String {
        if self.is_complete() && self.chance(10) {
            return self.pick(words::ODD_SELECTORS).to_owned();
        }
        let (metric, matchers) = (self.pick(words::METRICS), self.pick(words::MATCHERS));
        match self.rng.random_range(0..10) {
            0..5 => metric.to_owned(),
            5..9 => format!("{metric}{{{matchers}}}"),
            _ => format!("{{__name__=\"{metric}\",{matchers}}}"),
        }
    }

    fn modifiers(&mut self) -> String {
        let offset = self.chance(10).then(|| format!(" offset {}", self.offset()));
        let at = self.chance(8).then(|| format!(" @ {}", self.at()));
        [offset, at].into_iter().flatten().collect()
    }

    fn at(&mut self) -> String {
        match self.rng.random_range(0..4) {
            0 => "start()".to_owned(),
            1 => "end()".to_owned(),
            _ => {
                let steps = self.rng.random_range(-20..=0);
                (self.base_seconds + steps * GRID_SECONDS + PHASE_SECONDS).to_string()
            }
        }
    }

    fn duration(&mut self) -> &'static str {
        let plain = ["45s", "1m", "90s", "5m", "1m30s", "10m"];
        let expressions = ["step() * 2", "2 * 1m", "max_of(1m, step())", "(5m)", "300", "1m ^ 1"];
        if self.is_complete() && self.chance(15) {
            return self.pick(&expressions);
        }
        self.pick(&plain)
    }

    fn offset(&mut self) -> &'static str {
        let expressions = ["-(5m)", "step()", "-min_of(10s, 1m)", "300"];
        if self.is_complete() && self.chance(25) {
            return self.pick(&expressions);
        }
        self.pick(&["15s", "1m", "2m", "-1m", "5m"])
    }

    fn matrix(&mut self, depth: u32) -> String {
        let range = self.duration();
        if depth > 0 && self.chance(25) {
            let step = self.pick(&["15s", "30s", "1m"]);
            let inner = self.vector(depth.min(2) - 1);
            return format!("({inner})[{range}:{step}]{}", self.modifiers());
        }
        let selector = self.bare_selector();
        let extension = match self.rng.random_range(0..20) {
            0 if self.is_complete() => " anchored",
            1 if self.is_complete() => " smoothed",
            _ => "",
        };
        format!("{selector}[{range}]{extension}{}", self.modifiers())
    }

    fn range_function(&mut self, depth: u32) -> String {
        let matrix = self.matrix(depth);
        match self.rng.random_range(0..20) {
            0 => format!("quantile_over_time({}, {matrix})", self.pick(words::QUANTILES)),
            1 => {
                let matrix = if self.is_complete() { matrix } else { self.dense_range() };
                format!("predict_linear({matrix}, {})", self.rng.random_range(1..600))
            }
            2 if self.is_complete() => format!("double_exponential_smoothing({matrix}, 0.3, 0.4)"),
            3 if self.is_complete() => format!("{}({matrix})", self.pick(words::NEW_RANGE_FUNCTIONS)),
            4..10 => {
                let matrix = if self.is_complete() { matrix } else { self.dense_range() };
                format!("{}({matrix})", self.pick(words::EXTRAPOLATIONS))
            }
            _ => format!("{}({matrix})", self.pick(words::RANGE_FUNCTIONS)),
        }
    }

    /// A range of a metric without gaps and without `@`: for functions in which Prometheus 2.42 and 3
    /// part ways elsewhere.
    fn dense_range(&mut self) -> String {
        let (metric, matchers) = (self.pick(words::DENSE_METRICS), self.pick(words::MATCHERS));
        format!("{metric}{{{matchers}}}[{}]", self.duration())
    }

    fn aggregation(&mut self, depth: u32) -> String {
        let grouping = self.grouping();
        let mut inner = self.vector(depth);
        let chosen = self.rng.random_range(0..12);
        if !self.is_complete() {
            // Of equal values engines may choose any, those of the first metric differ; the labels
            // that `count_values` makes tell the last digit, the second metric has whole numbers.
            match chosen {
                0 => inner = format!("temperature{{{}}}", self.pick(words::MATCHERS)),
                2 => inner = format!("queue_length{{{}}}", self.pick(words::MATCHERS)),
                _ => {}
            }
        }
        let (op, param) = match chosen {
            0 => (
                self.pick(&["topk", "bottomk"]),
                format!("{}, ", self.rng.random_range(1..4)),
            ),
            1 => ("quantile", format!("{}, ", self.pick(words::QUANTILES))),
            2 => ("count_values", "\"found\", ".to_owned()),
            3 if self.is_complete() => (self.pick(&["limitk", "limit_ratio"]), "0.5, ".to_owned()),
            _ => (self.pick(words::AGGREGATIONS), String::new()),
        };
        if self.chance(70) {
            format!("{op}{grouping} ({param}{inner})")
        } else {
            format!("{op}({param}{inner}){grouping}")
        }
    }

    fn grouping(&mut self) -> String {
        let labels = self.pick(words::LABEL_LISTS);
        match self.rng.random_range(0..4) {
            0 => String::new(),
            1 => format!(" without ({labels})"),
            _ => format!(" by ({labels})"),
        }
    }

    fn binary(&mut self, depth: u32) -> String {
        let lhs = self.vector(depth);
        if self.chance(40) {
            let (op, number) = (self.vector_operator(), self.scalar(depth.min(1)));
            if self.chance(70) {
                return format!("({lhs}) {op} {number}");
            }
            return format!("{number} {op} ({lhs})");
        }
        let rhs = self.vector(depth);
        if self.chance(20) {
            let matching = self.pick(&["", " on (instance)", " ignoring (code)"]);
            let op = self.pick(&["and", "or", "unless"]);
            return format!("({lhs}) {op}{matching} ({rhs})");
        }
        let mut op = self.vector_operator();
        if !self.is_complete() && words::COMPARISONS.contains(&op.as_str()) {
            // Whether pairs that a filter drops may clash has changed since 2.42.
            op.push_str(" bool");
        }
        format!("({lhs}) {op}{} ({rhs})", self.matching())
    }

    fn vector_operator(&mut self) -> String {
        if self.is_complete() && self.chance(5) {
            return self.pick(&["</", ">/"]).to_owned();
        }
        if self.chance(40) {
            let bool = self.pick(&["", " bool"]);
            return format!("{}{bool}", self.pick(words::COMPARISONS));
        }
        let operators = if self.is_complete() {
            words::ARITHMETIC
        } else {
            // `atan2` kept the name of its metric.
            &words::ARITHMETIC[..words::ARITHMETIC.len() - 1]
        };
        self.pick(operators).to_owned()
    }

    fn matching(&mut self) -> String {
        let fill = if self.is_complete() && self.chance(20) {
            self.pick(&[" fill (0)", " fill_left (-1.5)", " fill_left (1) fill_right (2)"])
        } else {
            ""
        };
        let matching = self.pick(&[
            "",
            "",
            " on (instance)",
            " on (instance, job)",
            " ignoring (code)",
            " on (job) group_left ()",
            " ignoring (code) group_left ()",
            " on (instance) group_right (job)",
        ]);
        format!("{matching}{fill}")
    }

    fn vector_function(&mut self, depth: u32) -> String {
        let inner = self.vector(depth);
        match self.rng.random_range(0..14) {
            0 => format!("clamp({inner}, {}, {})", self.scalar(0), self.scalar(0)),
            1 => format!(
                "{}({inner}, {})",
                self.pick(&["clamp_min", "clamp_max"]),
                self.scalar(0)
            ),
            // Of what was computed, rounding would make the last digit the first.
            2 => format!("round({}, {})", self.selector(), self.pick(&["0.5", "2", "10"])),
            3 => format!("label_replace({inner}, \"host\", \"h-$1\", \"instance\", \"(.*):.*\")"),
            4 => format!("label_join({inner}, \"both\", \"/\", \"job\", \"instance\")"),
            5 => format!(
                "histogram_quantile({}, {})",
                self.pick(words::QUANTILES),
                self.pick(words::CLASSIC_HISTOGRAMS)
            ),
            6 => format!("vector({})", self.scalar(depth)),
            7 => format!("absent({inner})"),
            8 => format!("timestamp({})", self.selector()),
            9 if self.is_complete() => self.new_function(&inner),
            _ => format!("{}({inner})", self.pick(words::MATHS)),
        }
    }

    fn new_function(&mut self, inner: &str) -> String {
        match self.rng.random_range(0..4) {
            0 => format!("info({inner}, {{k8s_cluster=~\".+\"}})"),
            1 => format!("histogram_fraction(0, 0.2, {inner})"),
            2 => format!("sort_by_label({inner}, \"job\", 'instance')"),
            _ => format!("histogram_quantiles({inner}, \"q\", 0.5, 0.99)"),
        }
    }
}
