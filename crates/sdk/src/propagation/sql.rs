//! The trace context as a comment at the end of an SQL statement, in the sqlcommenter format, so that slow query logs
//! lead to their trace. <https://google.github.io/sqlcommenter/spec/>
//!
//! A statement with a comment of its own differs for each trace, so a database that caches plans by text, or a client
//! that prepares by text, should get it only where that is worth it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::W3cPropagator;

/// What a value may hold as it is: the unreserved characters of URLs.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The statement with `traceparent` and, where there is one, `tracestate` of the context behind it.
///
/// Left as it is where the context has no trace, and where it has a comment already: a database's hint must stay what
/// it is, and a comment within a comment would end it early.
///
/// ```
/// use opentelemetry::propagation::TextMapPropagator;
/// let headers = std::collections::HashMap::from([(
///     "traceparent".to_owned(),
///     "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
/// )]);
/// let context = skopos_sdk::W3cPropagator.extract(&headers);
/// assert_eq!(
///     skopos_sdk::propagation::with_sql_comment(&context, "SELECT 1;"),
///     "SELECT 1 /*traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/;"
/// );
/// ```
#[must_use]
pub fn with_sql_comment<'a>(context: &Context, statement: &'a str) -> Cow<'a, str> {
    if statement.contains("/*") || statement.contains("--") {
        return Cow::Borrowed(statement);
    }
    let mut fields: HashMap<String, String> = HashMap::new();
    W3cPropagator.inject_context(context, &mut fields);
    if fields.is_empty() {
        return Cow::Borrowed(statement);
    }
    let sorted: BTreeMap<String, String> = fields.into_iter().collect();
    let pairs: Vec<String> = sorted
        .iter()
        .map(|(key, value)| format!("{key}='{}'", utf8_percent_encode(value, ESCAPED)))
        .collect();
    let comment = pairs.join(",");
    let trimmed = statement.trim_end();
    match trimmed.strip_suffix(';') {
        Some(body) => Cow::Owned(format!("{body} /*{comment}*/;")),
        None => Cow::Owned(format!("{trimmed} /*{comment}*/")),
    }
}
