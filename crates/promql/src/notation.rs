//! Series notation, in which engine scripts and rule unit tests write series:
//! `name{label="value"} 1 2+3x4 _ stale {{count:5}}`.

mod histogram_text;

use std::sync::Arc;

use skopos_core::histogram::FloatHistogram;
use skopos_core::labels::METRIC_NAME;
use skopos_core::metric::MetricValue;
use skopos_core::sample::STALE_NAN;
use skopos_core::{Labels, LabelsBuilder};

use crate::histogram::{IncompatibleSchemas, add_histograms, subtract_histograms};
use crate::quote::unquote;

pub use histogram_text::format_histogram;

/// A value per step; `None` is a step without sample.
pub type Values = Vec<Option<MetricValue>>;

/// Most samples one item may stand for.
const MAX_REPEAT: usize = 100_000;

/// Reads a line of series notation.
pub fn parse_series(line: &str) -> Result<(Labels, Values), String> {
    let (labels, rest) = parse_labels(line)?;
    Ok((labels, parse_values(rest)?))
}

/// Reads the labels at the start of a line; the rest of the line follows them.
pub fn parse_labels(line: &str) -> Result<(Labels, &str), String> {
    let mut builder = LabelsBuilder::new();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let name_length = line.find(|c| !is_name(c)).unwrap_or(line.len());
    let (name, mut rest) = line.split_at(name_length);
    builder.set(METRIC_NAME, name);
    if let Some(inside) = rest.strip_prefix('{') {
        rest = parse_braces(inside, &mut builder)?;
    } else if name.is_empty() {
        return Err(format!("no series at {line:?}"));
    }
    Ok((builder.build(), rest))
}

fn parse_braces<'a>(mut rest: &'a str, builder: &mut LabelsBuilder) -> Result<&'a str, String> {
    loop {
        rest = rest.trim_start();
        if let Some(after) = rest.strip_prefix('}') {
            return Ok(after);
        }
        let (name, is_quoted, after) = parse_label_name(rest)?;
        rest = after.trim_start();
        if let Some(after) = rest.strip_prefix('=') {
            let (value, after) = parse_quoted(after.trim_start())?;
            builder.set(&name, &value);
            rest = after.trim_start();
        } else if is_quoted {
            builder.set(METRIC_NAME, &name);
        } else {
            return Err(format!("expected '=' after label {name:?}"));
        }
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.starts_with('}') => {}
            None => return Err(format!("expected ',' or '}}' at {rest:?}")),
        }
    }
}

fn parse_label_name(text: &str) -> Result<(String, bool, &str), String> {
    if text.starts_with(['"', '\'', '`']) {
        let (name, rest) = parse_quoted(text)?;
        return Ok((name, true, rest));
    }
    let length = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    if length == 0 {
        return Err(format!("expected a label name at {text:?}"));
    }
    Ok((text[..length].to_owned(), false, &text[length..]))
}

/// Reads a quoted text; the rest follows it.
pub fn parse_quoted(text: &str) -> Result<(String, &str), String> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'));
    let quote = quote.ok_or_else(|| format!("expected a quoted text at {text:?}"))?;
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' && quote != '`' {
            escaped = true;
        } else if c == quote {
            let (literal, rest) = text.split_at(at + 1);
            return Ok((unquote(literal).map_err(str::to_owned)?, rest));
        }
    }
    Err(format!("unterminated text at {text:?}"))
}

/// Reads the values of a series: items with blanks between them.
pub fn parse_values(text: &str) -> Result<Values, String> {
    let mut values = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        rest = parse_item(rest, &mut values)?;
        if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
            return Err(format!("expected a blank at {rest:?}"));
        }
        rest = rest.trim_start();
    }
    Ok(values)
}

fn parse_item<'a>(text: &'a str, values: &mut Values) -> Result<&'a str, String> {
    if let Some(rest) = text.strip_prefix('_') {
        let (count, rest) = parse_repeat(rest)?;
        values.extend(std::iter::repeat_n(None, count.unwrap_or(1)));
        return Ok(rest);
    }
    if text.starts_with("{{") {
        return parse_histograms(text, values);
    }
    let (word, rest) = split_word(text);
    match word {
        Some(value) => {
            values.push(Some(MetricValue::Float(value)));
            Ok(rest)
        }
        None => parse_floats(text, values),
    }
}

/// `stale`, `NaN` and infinities, which are not repeated.
fn split_word(text: &str) -> (Option<f64>, &str) {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let length = unsigned
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(unsigned.len());
    let (word, rest) = unsigned.split_at(length);
    let value = match word.to_ascii_lowercase().as_str() {
        "stale" if unsigned.len() == text.len() => Some(STALE_NAN),
        "inf" if text.starts_with('-') => Some(f64::NEG_INFINITY),
        "inf" => Some(f64::INFINITY),
        "nan" => Some(f64::NAN),
        _ => None,
    };
    (value, rest)
}

fn parse_floats<'a>(text: &'a str, values: &mut Values) -> Result<&'a str, String> {
    let (first, rest) = parse_number(text)?;
    let (step, rest, is_sequence) = if rest.starts_with(['+', '-']) {
        let (step, rest) = parse_number(rest)?;
        (step, rest, true)
    } else {
        (0.0, rest, false)
    };
    let (count, rest) = parse_repeat(rest)?;
    if is_sequence && count.is_none() {
        return Err(format!("expected a repetition (xN) at {rest:?}"));
    }
    let mut value = first;
    for at in 0..=count.unwrap_or(0) {
        if at > 0 && is_sequence {
            value += step;
        }
        values.push(Some(MetricValue::Float(value)));
    }
    Ok(rest)
}

/// A decimal number with an optional sign; digits may be grouped with `_`.
fn parse_number(text: &str) -> Result<(f64, &str), String> {
    let mut end = 0;
    let bytes = text.as_bytes();
    let mut seen_exponent = false;
    while let Some(byte) = bytes.get(end) {
        match byte {
            b'0'..=b'9' | b'.' | b'_' => {}
            b'+' | b'-' if end == 0 => {}
            b'+' | b'-' if matches!(bytes[end - 1], b'e' | b'E') => {}
            b'e' | b'E' if !seen_exponent && end > 0 => seen_exponent = true,
            _ => break,
        }
        end += 1;
    }
    let (number, rest) = text.split_at(end);
    let value = number.replace('_', "").parse();
    Ok((value.map_err(|_| format!("expected a number at {text:?}"))?, rest))
}

/// `xN`, if it follows.
pub fn parse_repeat(text: &str) -> Result<(Option<usize>, &str), String> {
    let Some(digits) = text.strip_prefix('x') else {
        return Ok((None, text));
    };
    let length = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let (count, rest) = digits.split_at(length);
    let count = count.parse().ok().filter(|count| *count <= MAX_REPEAT);
    Ok((
        Some(count.ok_or_else(|| format!("expected a number of repetitions at {text:?}"))?),
        rest,
    ))
}

type Combine = fn(&FloatHistogram, &FloatHistogram) -> Result<FloatHistogram, IncompatibleSchemas>;

fn parse_histograms<'a>(text: &'a str, values: &mut Values) -> Result<&'a str, String> {
    let (first, rest) = parse_histogram(text)?;
    let operation = match rest.as_bytes() {
        [b'+', b'{', ..] => Some(add_histograms as Combine),
        [b'-', b'{', ..] => Some(subtract_histograms as Combine),
        _ => None,
    };
    let (step, rest) = match operation {
        Some(operation) => {
            let (step, rest) = parse_histogram(&rest[1..])?;
            (Some((operation, step)), rest)
        }
        None => (None, rest),
    };
    let (count, rest) = parse_repeat(rest)?;
    if step.is_some() && count.is_none() {
        return Err(format!("expected a repetition (xN) at {rest:?}"));
    }
    let mut current = first;
    for at in 0..=count.unwrap_or(0) {
        if let Some((combine, step)) = step.as_ref().filter(|_| at > 0) {
            if current.schema > step.schema {
                return Err("the histograms of a sequence differ in schema".to_owned());
            }
            current = combine(&current, step).map_err(|error| error.to_string())?;
        }
        values.push(Some(MetricValue::Histogram(Arc::new(current.clone()))));
    }
    Ok(rest)
}

fn parse_histogram(text: &str) -> Result<(FloatHistogram, &str), String> {
    let inside = text
        .strip_prefix("{{")
        .ok_or_else(|| format!("expected a histogram at {text:?}"))?;
    let (inside, rest) = inside
        .split_once("}}")
        .ok_or_else(|| format!("unterminated histogram at {text:?}"))?;
    Ok((histogram_text::parse(inside)?, rest))
}
