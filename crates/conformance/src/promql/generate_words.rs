//! The words that random expressions are made of. Metrics and labels are those of
//! [`super::sample_data`].

pub(super) const METRICS: &[&str] = &[
    "requests_total",
    "errors_total",
    "temperature",
    "queue_length",
    "sparse",
    "going",
    "latency_bucket",
];

pub(super) const MATCHERS: &[&str] = &[
    "job=\"api\"",
    "job!=\"api\"",
    "instance=~\"a.*\"",
    "instance!~\"b.*\",job=~\"api|db\"",
    "code=~\"2..|5..\"",
    "code=\"\"",
    "job=\"nobody\"",
];

/// Selectors with quotes, escapes and names that are not of the legacy form.
pub(super) const ODD_SELECTORS: &[&str] = &[
    r#"{"http.requests"}"#,
    r#"{"http.requests", "k8s.pod"="a\"b\n"}"#,
    r"{'it', job=~`a\.b|c\d+`}",
    r#"sum:rate5m{"ü"!="ö", _0=""}"#,
    "offset{on=\"x\"}",
    "{__name__=~\".+\"}",
    "avg{}",
];

/// Metrics with a sample each 15 seconds.
pub(super) const DENSE_METRICS: &[&str] = &["requests_total", "errors_total", "latency_bucket"];

pub(super) const EXTRAPOLATIONS: &[&str] = &["rate", "rate", "increase"];

pub(super) const RANGE_FUNCTIONS: &[&str] = &[
    "irate",
    "idelta",
    "delta",
    "deriv",
    "changes",
    "resets",
    "avg_over_time",
    "sum_over_time",
    "min_over_time",
    "max_over_time",
    "count_over_time",
    "last_over_time",
    "present_over_time",
    "absent_over_time",
    "stddev_over_time",
    "stdvar_over_time",
];

pub(super) const NEW_RANGE_FUNCTIONS: &[&str] = &["mad_over_time", "ts_of_max_over_time", "first_over_time"];

pub(super) const AGGREGATIONS: &[&str] = &["sum", "sum", "avg", "count", "min", "max", "group", "stddev", "stdvar"];

pub(super) const ARITHMETIC: &[&str] = &["+", "-", "*", "/", "%", "^", "atan2"];

pub(super) const COMPARISONS: &[&str] = &["==", "!=", "<", "<=", ">", ">="];

pub(super) const LABEL_LISTS: &[&str] = &["job", "instance", "job, instance", "code", "le, job", ""];

pub(super) const QUANTILES: &[&str] = &["0", "0.25", "0.5", "0.9", "1", "-1", "2"];

pub(super) const CLASSIC_HISTOGRAMS: &[&str] = &[
    "latency_bucket",
    "rate(latency_bucket[5m])",
    "sum by (le) (rate(latency_bucket[5m]))",
    "sum by (le, job) (increase(latency_bucket[10m]))",
];

pub(super) const MATHS: &[&str] = &[
    "abs",
    "ceil",
    "floor",
    "exp",
    "ln",
    "log2",
    "log10",
    "sqrt",
    "sgn",
    "sin",
    "cos",
    "atan",
    "deg",
    "rad",
    "sort",
    "sort_desc",
    "hour",
    "minute",
    "day_of_week",
    "days_in_month",
    "month",
    "year",
];
