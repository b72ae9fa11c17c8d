//! Operators, keywords and functions of LogQL and their names in the reference grammar.

/// Text and token name.
const SYMBOLS: &[(&str, &str)] = &[
    (",", "COMMA"),
    (".", "DOT"),
    ("{", "OPEN_BRACE"),
    ("}", "CLOSE_BRACE"),
    ("=", "EQ"),
    ("!=", "NEQ"),
    ("=~", "RE"),
    ("!~", "NRE"),
    ("|=", "PIPE_EXACT"),
    ("|~", "PIPE_MATCH"),
    ("|>", "PIPE_PATTERN"),
    ("!>", "NPA"),
    ("|", "PIPE"),
    ("(", "OPEN_PARENTHESIS"),
    (")", "CLOSE_PARENTHESIS"),
    ("]", "CLOSE_BRACKET"),
    ("==", "CMP_EQ"),
    (">", "GT"),
    (">=", "GTE"),
    ("<", "LT"),
    ("<=", "LTE"),
    ("+", "ADD"),
    ("-", "SUB"),
    ("*", "MUL"),
    ("/", "DIV"),
    ("%", "MOD"),
    ("^", "POW"),
    ("or", "OR"),
    ("and", "AND"),
    ("unless", "UNLESS"),
    ("by", "BY"),
    ("without", "WITHOUT"),
    ("bool", "BOOL"),
    ("offset", "OFFSET"),
    ("on", "ON"),
    ("ignoring", "IGNORING"),
    ("group_left", "GROUP_LEFT"),
    ("group_right", "GROUP_RIGHT"),
    ("json", "JSON"),
    ("regexp", "REGEXP"),
    ("logfmt", "LOGFMT"),
    ("pattern", "PATTERN"),
    ("unpack", "UNPACK"),
    ("line_format", "LINE_FMT"),
    ("label_format", "LABEL_FMT"),
    ("unwrap", "UNWRAP"),
    ("decolorize", "DECOLORIZE"),
    ("drop", "DROP"),
    ("keep", "KEEP"),
];

/// Text and token name of words that are functions only where a call follows.
const FUNCTIONS: &[(&str, &str)] = &[
    ("rate", "RATE"),
    ("rate_counter", "RATE_COUNTER"),
    ("count_over_time", "COUNT_OVER_TIME"),
    ("bytes_rate", "BYTES_RATE"),
    ("bytes_over_time", "BYTES_OVER_TIME"),
    ("avg_over_time", "AVG_OVER_TIME"),
    ("sum_over_time", "SUM_OVER_TIME"),
    ("min_over_time", "MIN_OVER_TIME"),
    ("max_over_time", "MAX_OVER_TIME"),
    ("stdvar_over_time", "STDVAR_OVER_TIME"),
    ("stddev_over_time", "STDDEV_OVER_TIME"),
    ("quantile_over_time", "QUANTILE_OVER_TIME"),
    ("first_over_time", "FIRST_OVER_TIME"),
    ("last_over_time", "LAST_OVER_TIME"),
    ("absent_over_time", "ABSENT_OVER_TIME"),
    ("vector", "VECTOR"),
    ("sum", "SUM"),
    ("avg", "AVG"),
    ("max", "MAX"),
    ("min", "MIN"),
    ("count", "COUNT"),
    ("stddev", "STDDEV"),
    ("stdvar", "STDVAR"),
    ("bottomk", "BOTTOMK"),
    ("topk", "TOPK"),
    ("approx_topk", "APPROX_TOPK"),
    ("sort", "SORT"),
    ("sort_desc", "SORT_DESC"),
    ("label_replace", "LABEL_REPLACE"),
    ("bytes", "BYTES_CONV"),
    ("duration", "DURATION_CONV"),
    ("duration_seconds", "DURATION_SECONDS_CONV"),
    ("ip", "IP"),
];

fn find(text: &str) -> Option<&'static (&'static str, &'static str)> {
    SYMBOLS.iter().chain(FUNCTIONS).find(|(symbol, _)| *symbol == text)
}

/// The symbol with this text, in lower case.
pub(crate) fn symbol(text: &str) -> Option<&'static str> {
    find(text).map(|(symbol, _)| *symbol)
}

/// Whether a word is a function only where a call follows.
pub(crate) fn is_function_word(text: &str) -> bool {
    FUNCTIONS.iter().any(|(symbol, _)| *symbol == text)
}

/// The token's name in the reference grammar.
pub(crate) fn symbol_name(text: &'static str) -> &'static str {
    find(text).map_or(text, |(_, name)| name)
}
