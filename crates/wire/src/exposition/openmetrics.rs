//! Lines of OpenMetrics 1.0 (`openmetricslex.l` and `OpenMetricsParser` in Prometheus).

use std::borrow::Cow;

use skopos_core::metric::MetricType;

use super::cursor::Lines;
use super::labels::unescape;
use super::parser::{Entry, ExemplarText, Format, Line, MetadataText, Parser, Sample, value};

pub(super) fn line<'a>(parser: &mut Parser<'a>) -> Result<Line<'a>, String> {
    match parser.cursor.peek() {
        None => Err("data does not end with # EOF".to_owned()),
        Some(b'#') => directive(parser),
        Some(_) => sample(parser).map(|sample| Line::Entry(Entry::Sample(sample))),
    }
}

fn directive<'a>(parser: &mut Parser<'a>) -> Result<Line<'a>, String> {
    let start = parser.cursor;
    if parser.cursor.eat_all(b"# EOF") {
        parser.cursor.eat(b'\n');
        return if parser.cursor.is_at_end() {
            Ok(Line::End)
        } else {
            Err("unexpected data after # EOF".to_owned())
        };
    }
    let metadata = if parser.cursor.eat_all(b"# HELP ") {
        help(parser)?
    } else if parser.cursor.eat_all(b"# TYPE ") {
        metric_type(parser)?
    } else if parser.cursor.eat_all(b"# UNIT ") {
        unit(parser)?
    } else {
        return Err(format!("expected a valid start token, got {}", start.shown()));
    };
    Ok(Line::Entry(Entry::Metadata(metadata)))
}

fn help<'a>(parser: &mut Parser<'a>) -> Result<MetadataText<'a>, String> {
    let metric = parser.metadata_name("HELP")?;
    let text = metadata_text(parser, "HELP")?;
    let help = std::str::from_utf8(text).map_err(|_| "help text is not a valid utf8 string".to_owned())?;
    Ok(MetadataText::Help {
        metric,
        help: unescape(help),
    })
}

fn metric_type<'a>(parser: &mut Parser<'a>) -> Result<MetadataText<'a>, String> {
    let metric = parser.metadata_name("TYPE")?;
    let metric_type = match metadata_text(parser, "TYPE")? {
        b"counter" => MetricType::Counter,
        b"gauge" => MetricType::Gauge,
        b"histogram" => MetricType::Histogram,
        b"gaugehistogram" => MetricType::GaugeHistogram,
        b"summary" => MetricType::Summary,
        b"info" => MetricType::Info,
        b"stateset" => MetricType::StateSet,
        b"unknown" => MetricType::Unknown,
        other => return Err(format!("invalid metric type {:?}", String::from_utf8_lossy(other))),
    };
    parser.metric_type = metric_type;
    Ok(MetadataText::Type { metric, metric_type })
}

fn unit<'a>(parser: &mut Parser<'a>) -> Result<MetadataText<'a>, String> {
    let metric = parser.metadata_name("UNIT")?;
    let unit = metadata_text(parser, "UNIT")?;
    let unit = std::str::from_utf8(unit).map_err(|_| "unit is not a valid utf8 string".to_owned())?;
    let is_suffix = metric.strip_suffix(unit).is_some_and(|stem| stem.ends_with('_'));
    if !unit.is_empty() && !is_suffix {
        return Err(format!("unit {unit:?} not a suffix of metric {metric:?}"));
    }
    Ok(MetadataText::Unit {
        metric,
        unit: Cow::Borrowed(unit),
    })
}

/// A space and the rest of a line that must end.
fn metadata_text<'a>(parser: &mut Parser<'a>, keyword: &str) -> Result<&'a [u8], String> {
    if !parser.cursor.eat(b' ') {
        return Err(format!("expected text in {keyword}"));
    }
    let text = parser.cursor.take_line();
    if !parser.cursor.eat(b'\n') {
        return Err(format!("expected text in {keyword}"));
    }
    Ok(text)
}

fn sample<'a>(parser: &mut Parser<'a>) -> Result<Sample<'a>, String> {
    let start = parser.cursor.position();
    let name = parser.cursor.take_metric_name();
    if name.is_empty() && parser.cursor.peek() != Some(b'{') {
        return Err(format!("expected a valid start token, got {}", parser.cursor.shown()));
    }
    let series = parser.series(start, Lines::One)?;
    let value = number(parser, "expected value after metric")?;
    let timestamp_ms = optional_time(parser, "invalid timestamp")?;
    let exemplar = exemplar(parser)?;
    if !parser.cursor.eat(b'\n') {
        let place = if timestamp_ms.is_some() { "timestamp" } else { "value" };
        return Err(if parser.cursor.is_at_end() {
            "data does not end with # EOF".to_owned()
        } else {
            format!("expected next entry after {place}, got {}", parser.cursor.shown())
        });
    }
    Ok(Sample {
        series,
        value,
        timestamp_ms,
        exemplar,
        metric_type: parser.metric_type,
        format: Format::OpenMetrics,
    })
}

/// ` # {labels} value timestamp`.
fn exemplar<'a>(parser: &mut Parser<'a>) -> Result<Option<ExemplarText<'a>>, String> {
    if !parser.cursor.eat_all(b" # ") {
        return Ok(None);
    }
    let start = parser.cursor.position();
    if !parser.cursor.eat(b'{') || !parser.cursor.skip_braces(Lines::One) {
        return Err(format!("expected exemplar labels, got {}", parser.cursor.shown()));
    }
    let text = parser.cursor.since(start);
    let value = number(parser, "expected value after exemplar labels")?;
    let timestamp_ms = optional_time(parser, "invalid exemplar timestamp")?;
    Ok(Some(ExemplarText {
        text,
        format: Format::OpenMetrics,
        value,
        timestamp_ms,
    }))
}

/// A space and a number.
fn number(parser: &mut Parser<'_>, expected: &str) -> Result<f64, String> {
    let before = parser.cursor;
    let text = if parser.cursor.eat(b' ') { word(parser) } else { &[] };
    if text.is_empty() {
        return Err(format!("{expected}, got {}", before.shown()));
    }
    value(text)
}

/// A space and seconds as a float, unless the line ends or an exemplar begins.
fn optional_time(parser: &mut Parser<'_>, invalid: &str) -> Result<Option<i64>, String> {
    let before = parser.cursor;
    if !parser.cursor.eat(b' ') {
        return Ok(None);
    }
    let text = word(parser);
    if text == b"#" || text.is_empty() {
        parser.cursor = before;
        return Ok(None);
    }
    let seconds = value(text)?;
    if !seconds.is_finite() {
        return Err(format!("{invalid} {}", crate::number::format_float(seconds)));
    }
    Ok(Some((seconds * 1000.0) as i64))
}

fn word<'a>(parser: &mut Parser<'a>) -> &'a [u8] {
    parser.cursor.take_while(|byte| !matches!(byte, b' ' | b'\n'))
}
