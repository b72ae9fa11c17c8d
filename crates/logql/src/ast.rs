//! The tree of a LogQL query. Built by the parser, which has checked it; printed by `Display`.

use skopos_core::Matcher;

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// Selects log lines.
    Log(LogExpr),
    /// Computes numbers from log lines.
    Metric(MetricExpr),
}

/// A stream selector and what is done to each line.
#[derive(Debug, Clone, PartialEq)]
pub struct LogExpr {
    /// All must match the stream.
    pub matchers: Vec<Matcher>,
    /// Applied to each line, in order.
    pub stages: Vec<Stage>,
}

/// One stage of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// `|= "x"` and its kin.
    LineFilter(LineFilter),
    /// `| json`, with the labels to extract where given.
    Json(Vec<Extraction>),
    /// `| logfmt`.
    Logfmt(LogfmtStage),
    /// `| regexp "(?P<name>…)"`.
    Regexp(String),
    /// `| pattern "<name> …"`.
    Pattern(String),
    /// `| unpack`.
    Unpack,
    /// `| status >= 500`.
    LabelFilter(LabelFilter),
    /// `| line_format "template"`.
    LineFormat(String),
    /// `| label_format a=b, c="template"`.
    LabelFormat(Vec<LabelFormat>),
    /// `| decolorize`.
    Decolorize,
    /// `| drop a, b="c"`.
    Drop(Vec<LabelRef>),
    /// `| keep a, b="c"`.
    Keep(Vec<LabelRef>),
}

/// The `logfmt` stage.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogfmtStage {
    /// `--strict`: a broken pair is an error.
    pub strict: bool,
    /// `--keep-empty`: keys without a value become empty labels.
    pub keep_empty: bool,
    /// The labels to extract; all if empty.
    pub extract: Vec<Extraction>,
}

/// `label="path"` of `json` and `logfmt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extraction {
    /// The label to set.
    pub label: String,
    /// Where its value is found.
    pub path: String,
}

/// The operators of line filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineOp {
    /// `|=`
    Contains,
    /// `!=`
    NotContains,
    /// `|~`
    Regex,
    /// `!~`
    NotRegex,
    /// `|>`
    Pattern,
    /// `!>`
    NotPattern,
}

impl LineOp {
    /// The operator as written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contains => "|=",
            Self::NotContains => "!=",
            Self::Regex => "|~",
            Self::NotRegex => "!~",
            Self::Pattern => "|>",
            Self::NotPattern => "!>",
        }
    }

    /// Whether lines that match are left out.
    pub const fn is_negative(self) -> bool {
        matches!(self, Self::NotContains | Self::NotRegex | Self::NotPattern)
    }
}

/// A line filter: the line must match any operand, or none of them if the operator negates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFilter {
    /// How lines are compared.
    pub op: LineOp,
    /// With what; never empty, and exactly one for negative operators.
    pub operands: Vec<LineOperand>,
}

/// What a line is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineOperand {
    /// A text, pattern or regular expression.
    Text(String),
    /// `ip("10.0.0.0/8")`.
    Ip(String),
}

/// Comparisons of label values with numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompareOp {
    /// `==` or `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
}

impl CompareOp {
    /// The operator as written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Less => "<",
            Self::LessEqual => "<=",
        }
    }

    /// Whether the comparison holds.
    pub fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Greater => left > right,
            Self::GreaterEqual => left >= right,
            Self::Less => left < right,
            Self::LessEqual => left <= right,
        }
    }
}

/// A condition on labels.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelFilter {
    /// `level="error"`.
    Matcher(Matcher),
    /// `name op number`, with the unit of the literal.
    Compare {
        /// The label.
        name: String,
        /// The comparison.
        op: CompareOp,
        /// The literal.
        value: Quantity,
    },
    /// `addr = ip("…")`.
    Ip {
        /// The label.
        name: String,
        /// `!=` instead of `=`.
        negated: bool,
        /// The address, range or network.
        pattern: String,
    },
    /// Both hold.
    And(Box<LabelFilter>, Box<LabelFilter>),
    /// Either holds.
    Or(Box<LabelFilter>, Box<LabelFilter>),
}

/// A literal that label values are compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Quantity {
    /// A plain number.
    Number(f64),
    /// A duration in nanoseconds.
    DurationNs(i64),
    /// A size in bytes.
    Bytes(u64),
}

/// One assignment of `label_format`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFormat {
    /// The label to set.
    pub name: String,
    /// From what.
    pub value: LabelFormatValue,
}

/// The right side of a `label_format` assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelFormatValue {
    /// Another label, which is renamed.
    Rename(String),
    /// A template.
    Template(String),
}

/// An operand of `drop` and `keep`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LabelRef {
    /// The label whatever its value.
    Name(String),
    /// The label if its value matches.
    Matcher(Matcher),
}

/// An expression whose value is a number per series and step.
#[derive(Debug, Clone, PartialEq)]
pub enum MetricExpr {
    /// A number.
    Literal(f64),
    /// `vector(1)`.
    Vector(f64),
    /// `rate({…}[5m])` and its kin.
    Range(Box<RangeExpr>),
    /// `sum by (a) (…)` and its kin.
    Aggregate(Box<AggregateExpr>),
    /// `a / b`.
    Binary(Box<BinaryExpr>),
    /// `label_replace(…)`.
    LabelReplace(Box<LabelReplaceExpr>),
}

/// A function over the lines of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeExpr {
    /// The function.
    pub op: RangeOp,
    /// The quantile of `quantile_over_time`.
    pub param: Option<f64>,
    /// The lines.
    pub log: LogExpr,
    /// The label to take values from.
    pub unwrap: Option<Unwrap>,
    /// Length of the window in nanoseconds.
    pub range_ns: i64,
    /// How far back the window lies, in nanoseconds.
    pub offset_ns: i64,
    /// Labels of the result.
    pub grouping: Option<Grouping>,
}

/// `| unwrap duration(label) | filters`.
#[derive(Debug, Clone, PartialEq)]
pub struct Unwrap {
    /// The label.
    pub label: String,
    /// How its text becomes a number.
    pub conversion: Conversion,
    /// Applied after the conversion.
    pub post_filters: Vec<LabelFilter>,
}

/// How `unwrap` reads a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// A float.
    Number,
    /// `duration(…)`: seconds.
    Duration,
    /// `duration_seconds(…)`: seconds.
    DurationSeconds,
    /// `bytes(…)`.
    Bytes,
}

impl Conversion {
    /// The function's name, empty for none.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Number => "",
            Self::Duration => "duration",
            Self::DurationSeconds => "duration_seconds",
            Self::Bytes => "bytes",
        }
    }
}

/// Defines an enum of operators with their texts.
macro_rules! operators {
    ($(#[$meta:meta])* $name:ident { $($variant:ident => $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`")] $variant,)+
        }

        impl $name {
            /// The operator as written.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// The operator of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

operators! {
    /// Functions over a window.
    RangeOp {
        CountOverTime => "count_over_time",
        Rate => "rate",
        RateCounter => "rate_counter",
        BytesOverTime => "bytes_over_time",
        BytesRate => "bytes_rate",
        AvgOverTime => "avg_over_time",
        SumOverTime => "sum_over_time",
        MinOverTime => "min_over_time",
        MaxOverTime => "max_over_time",
        StdvarOverTime => "stdvar_over_time",
        StddevOverTime => "stddev_over_time",
        QuantileOverTime => "quantile_over_time",
        FirstOverTime => "first_over_time",
        LastOverTime => "last_over_time",
        AbsentOverTime => "absent_over_time",
    }
}

operators! {
    /// Aggregations over series.
    AggregateOp {
        Sum => "sum",
        Avg => "avg",
        Count => "count",
        Max => "max",
        Min => "min",
        Stddev => "stddev",
        Stdvar => "stdvar",
        Topk => "topk",
        Bottomk => "bottomk",
        ApproxTopk => "approx_topk",
        Sort => "sort",
        SortDesc => "sort_desc",
    }
}

operators! {
    /// Operators between expressions.
    BinaryOp {
        Or => "or",
        And => "and",
        Unless => "unless",
        Equal => "==",
        NotEqual => "!=",
        Greater => ">",
        GreaterEqual => ">=",
        Less => "<",
        LessEqual => "<=",
        Add => "+",
        Sub => "-",
        Mul => "*",
        Div => "/",
        Mod => "%",
        Pow => "^",
    }
}

impl BinaryOp {
    /// Whether it works on sets of series rather than values.
    pub const fn is_set(self) -> bool {
        matches!(self, Self::Or | Self::And | Self::Unless)
    }

    /// Whether it compares.
    pub const fn is_comparison(self) -> bool {
        matches!(
            self,
            Self::Equal | Self::NotEqual | Self::Greater | Self::GreaterEqual | Self::Less | Self::LessEqual
        )
    }

    /// How tightly it binds; higher is tighter.
    pub const fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And | Self::Unless => 2,
            Self::Add | Self::Sub => 4,
            Self::Mul | Self::Div | Self::Mod => 5,
            Self::Pow => 6,
            _ => 3,
        }
    }
}

/// `by (…)` or `without (…)`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grouping {
    /// `without` instead of `by`.
    pub without: bool,
    /// The labels.
    pub labels: Vec<String>,
}

/// An aggregation over series.
#[derive(Debug, Clone, PartialEq)]
pub struct AggregateExpr {
    /// The function.
    pub op: AggregateOp,
    /// The `k` of `topk` and its kin.
    pub param: Option<usize>,
    /// Labels of the result; by no label if absent.
    pub grouping: Option<Grouping>,
    /// What is aggregated.
    pub expr: MetricExpr,
}

/// An operation between two expressions.
#[derive(Debug, Clone, PartialEq)]
pub struct BinaryExpr {
    /// The operator.
    pub op: BinaryOp,
    /// Left side.
    pub left: MetricExpr,
    /// Right side.
    pub right: MetricExpr,
    /// `bool`: comparisons give 0 or 1 instead of filtering.
    pub return_bool: bool,
    /// Which series belong together.
    pub matching: Matching,
}

/// How series of two sides are matched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matching {
    /// `on` instead of `ignoring`.
    pub on: bool,
    /// The labels of `on` or `ignoring`.
    pub labels: Vec<String>,
    /// Which side may have many.
    pub cardinality: Cardinality,
    /// Labels of the one side that the result takes.
    pub include: Vec<String>,
}

/// How many series of each side belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cardinality {
    /// One of each.
    #[default]
    OneToOne,
    /// `group_left`.
    ManyToOne,
    /// `group_right`.
    OneToMany,
}

/// `label_replace(expr, "dst", "replacement", "src", "regex")`.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelReplaceExpr {
    /// Whose labels are changed.
    pub expr: MetricExpr,
    /// The label set.
    pub destination: String,
    /// Its new value, `$1` being the first group.
    pub replacement: String,
    /// The label matched.
    pub source: String,
    /// The anchored pattern.
    pub regex: String,
}
