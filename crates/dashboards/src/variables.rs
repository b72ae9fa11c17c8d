//! Stand-ins for the variables in a query, so that it can be parsed before any value is known.
//!
//! A variable may be part of a name, a duration, a number, an operator or a text; which one is guessed from
//! where it stands, and where that does not decide, each guess is tried.

/// What a variable outside brackets and quotes may stand for.
const GUESSES: &[&str] = &[NAME, "1", "5m", "or"];
/// Stands for a name, or for a part of a text.
const NAME: &str = "x";

/// Where in a query a variable stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Context {
    Plain,
    /// Between these quotes.
    Quoted(char),
    /// In the brackets of a range.
    Range,
    /// Behind `#`, up to the end of the line.
    Comment,
}

/// The query with its variables replaced: once for each guess, once only if it has none.
pub(crate) fn fill(expr: &str) -> Vec<String> {
    fill_variables(expr, &|_| NAME.to_owned())
}

/// The query with its variables replaced by what makes it parse. Where a variable may stand for a name or is part
/// of a text, `text` gives what to write for the variable of that name. What a variable outside of texts and
/// brackets stands for cannot be told: each guess is given, names first.
pub fn fill_variables(expr: &str, text: &dyn Fn(&str) -> String) -> Vec<String> {
    if !expr.contains(['$', '[']) {
        return vec![expr.to_owned()];
    }
    let mut filled: Vec<String> = GUESSES.iter().map(|guess| fill_with(expr, guess, text)).collect();
    filled.dedup();
    filled
}

fn fill_with(expr: &str, guess: &str, text: &dyn Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(expr.len());
    let mut context = Context::Plain;
    let mut rest = expr;
    while let Some(next) = rest.chars().next() {
        if let Some((name, length)) = variable(rest, context) {
            match stand_in(name, context, guess) {
                NAME => out.push_str(&text(name)),
                fixed => out.push_str(fixed),
            }
            rest = &rest[length..];
            continue;
        }
        context = match (context, next) {
            (Context::Plain, '"' | '\'' | '`') => Context::Quoted(next),
            (Context::Quoted(quote), _) if quote == next => Context::Plain,
            (Context::Plain, '#') => Context::Comment,
            (Context::Comment, '\n') => Context::Plain,
            (Context::Plain, '[') => Context::Range,
            (Context::Range, ']') => Context::Plain,
            (context, _) => context,
        };
        let escaped = next == '\\' && matches!(context, Context::Quoted('"' | '\''));
        let length = if escaped {
            rest.chars().take(2).map(char::len_utf8).sum()
        } else {
            next.len_utf8()
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

/// The variable at the start of a text: its name without format or field, and its length.
fn variable(rest: &str, context: Context) -> Option<(&str, usize)> {
    if let Some(inner) = rest.strip_prefix("${") {
        let length = inner.find('}')?;
        return Some((name_of(&inner[..length]), length + 3));
    }
    if let Some(inner) = rest.strip_prefix("[[") {
        let length = inner.find("]]")?;
        let is_name = inner[..length].chars().all(|c| c.is_alphanumeric() || c == '_');
        return (is_name && length > 0).then_some((&inner[..length], length + 4));
    }
    let inner = rest.strip_prefix('$')?;
    let length = inner
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(inner.len());
    // `$1` in a quoted text belongs to a regular expression.
    let is_group = matches!(context, Context::Quoted(_)) && inner.starts_with(|c: char| c.is_ascii_digit());
    (length > 0 && !is_group).then_some((&inner[..length], length + 1))
}

fn name_of(inner: &str) -> &str {
    inner.split([':', '.', '[']).next().unwrap_or(inner)
}

fn stand_in<'a>(name: &str, context: Context, guess: &'a str) -> &'a str {
    match (context, name) {
        (Context::Quoted(_), _) => NAME,
        (_, "__interval_ms" | "__range_ms" | "__range_s" | "__from" | "__to") => "60",
        (_, "__rate_interval" | "__interval" | "__range" | "__auto") | (Context::Range, _) => "5m",
        (Context::Plain | Context::Comment, _) => guess,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expr: &str, expect: &str) {
        assert_eq!(fill(expr)[0], expect, "{expr}");
    }

    #[test]
    fn variables_are_replaced_by_where_they_stand() {
        check("up", "up");
        check("rate(a{job=~\"$job\"}[$__rate_interval])", "rate(a{job=~\"x\"}[5m])");
        check("sum by ($by) (${metric}_total)", "sum by (x) (x_total)");
        check("a[$range:${step}] offset $__interval", "a[5m:5m] offset 5m");
        check("a{b=\"${c:regex}\", d='[[e]]'}", "a{b=\"x\", d='x'}");
        check(
            "label_replace(a, \"b\", \"$1\", \"c\", \"(.*)\")",
            "label_replace(a, \"b\", \"$1\", \"c\", \"(.*)\")",
        );
        check("x * $__range_s", "x * 60");
        check("# it's\na[$b]", "# it's\na[5m]");
        check("{a=\"[[:alpha:]]\\\"$b\"}", "{a=\"[[:alpha:]]\\\"x\"}");
    }

    #[test]
    fn names_of_variables_can_be_kept() {
        let filled = fill_variables("rate(a{job=\"$job\",b=\"${c:regex}\"}[$d])", &|name| {
            format!("<{name}>")
        });
        assert_eq!(filled, ["rate(a{job=\"<job>\",b=\"<c>\"}[5m])"]);
    }

    #[test]
    fn what_cannot_be_told_is_guessed() {
        assert_eq!(
            fill("topk($n, a)"),
            ["topk(x, a)", "topk(1, a)", "topk(5m, a)", "topk(or, a)"]
        );
    }
}
