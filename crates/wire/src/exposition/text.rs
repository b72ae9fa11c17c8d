//! Lines of the Prometheus text format (`promlex.l` and `PromParser` in Prometheus).

use std::borrow::Cow;

use skopos_core::metric::MetricType;

use super::cursor::Lines;
use super::parser::{Entry, Format, Line, MetadataText, Parser, Sample, value};

pub(super) fn line<'a>(parser: &mut Parser<'a>) -> Result<Line<'a>, String> {
    parser.cursor.skip_blanks();
    match parser.cursor.peek() {
        None => Ok(Line::End),
        Some(b'\n') => {
            parser.cursor.eat(b'\n');
            Ok(Line::Nothing)
        }
        Some(b'#') => comment(parser),
        Some(_) => sample(parser).map(|sample| Line::Entry(Entry::Sample(sample))),
    }
}

fn comment<'a>(parser: &mut Parser<'a>) -> Result<Line<'a>, String> {
    parser.cursor.eat(b'#');
    let is_spaced = !parser.cursor.skip_blanks().is_empty();
    let line = if is_spaced && keyword(parser, b"HELP") {
        Line::Entry(Entry::Metadata(help(parser)?))
    } else if is_spaced && keyword(parser, b"TYPE") {
        Line::Entry(Entry::Metadata(metric_type(parser)?))
    } else {
        Line::Nothing
    };
    parser.cursor.take_line();
    parser.cursor.eat(b'\n');
    Ok(line)
}

/// Steps over `word` and the blanks after it; without blanks it is an ordinary comment.
fn keyword(parser: &mut Parser<'_>, word: &[u8]) -> bool {
    let before = parser.cursor;
    let is_keyword = parser.cursor.eat_all(word) && !parser.cursor.skip_blanks().is_empty();
    if !is_keyword {
        parser.cursor = before;
    }
    is_keyword
}

fn help<'a>(parser: &mut Parser<'a>) -> Result<MetadataText<'a>, String> {
    let metric = parser.metadata_name("HELP")?;
    let text = metadata_text(parser);
    let help = std::str::from_utf8(text).map_err(|_| "help text is not a valid utf8 string".to_owned())?;
    Ok(MetadataText::Help {
        metric,
        help: unescape_help(help),
    })
}

fn metric_type<'a>(parser: &mut Parser<'a>) -> Result<MetadataText<'a>, String> {
    let metric = parser.metadata_name("TYPE")?;
    let metric_type = match metadata_text(parser) {
        b"counter" => MetricType::Counter,
        b"gauge" => MetricType::Gauge,
        b"histogram" => MetricType::Histogram,
        b"summary" => MetricType::Summary,
        b"untyped" => MetricType::Unknown,
        other => return Err(format!("invalid metric type {:?}", String::from_utf8_lossy(other))),
    };
    parser.metric_type = metric_type;
    Ok(MetadataText::Type { metric, metric_type })
}

/// The rest of the line without its first byte, the separator.
fn metadata_text<'a>(parser: &mut Parser<'a>) -> &'a [u8] {
    parser.cursor.take_line().get(1..).unwrap_or_default()
}

/// In help texts `\\` and `\n` are escapes, `\"` is not.
fn unescape_help(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('\\')) => {
                chars.next();
                out.push('\\');
            }
            ('\\', Some('n')) => {
                chars.next();
                out.push('\n');
            }
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn sample<'a>(parser: &mut Parser<'a>) -> Result<Sample<'a>, String> {
    let start = parser.cursor.position();
    let name = parser.cursor.take_metric_name();
    if name.is_empty() && parser.cursor.peek() != Some(b'{') {
        return Err(format!("expected a valid start token, got {}", parser.cursor.shown()));
    }
    let series = series(parser, start)?;
    parser.cursor.skip_blanks();
    let text = parser
        .cursor
        .take_while(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'{'));
    if text.is_empty() {
        return Err(format!("expected value after metric, got {}", parser.cursor.shown()));
    }
    let value = value(text)?;
    let timestamp_ms = timestamp(parser)?;
    parser.cursor.eat(b'\n');
    Ok(Sample {
        series,
        value,
        timestamp_ms,
        exemplar: None,
        metric_type: parser.metric_type,
        format: Format::Text,
    })
}

/// Blanks may stand between the name and its labels; they belong to the series only then.
fn series<'a>(parser: &mut Parser<'a>, start: usize) -> Result<&'a [u8], String> {
    let name = parser.cursor.since(start);
    parser.cursor.skip_blanks();
    if parser.cursor.peek() == Some(b'{') {
        parser.series(start, Lines::Many)
    } else {
        Ok(name)
    }
}

fn timestamp(parser: &mut Parser<'_>) -> Result<Option<i64>, String> {
    parser.cursor.skip_blanks();
    let text = parser.cursor.take_while(|byte| byte.is_ascii_digit());
    if text.is_empty() {
        return match parser.cursor.peek() {
            None | Some(b'\n') => Ok(None),
            Some(_) => Err(format!(
                "expected timestamp or new record, got {}",
                parser.cursor.shown()
            )),
        };
    }
    let timestamp_ms = std::str::from_utf8(text).ok().and_then(|digits| digits.parse().ok());
    let timestamp_ms: i64 = timestamp_ms.ok_or_else(|| "timestamp is out of range".to_owned())?;
    parser.cursor.skip_blanks();
    match parser.cursor.peek() {
        None | Some(b'\n') => Ok(Some(timestamp_ms)),
        Some(_) => Err(format!(
            "expected next entry after timestamp, got {}",
            parser.cursor.shown()
        )),
    }
}
