//! Influx line protocol: `measurement,tag=value field=1.5,other=2i 1700000000000000000`.
//!
//! Each field that is a number or a boolean becomes a sample of the series `measurement_field`, or
//! of `measurement` where the field is called `value`, with the tags as labels. Texts are no
//! samples and are counted. Lines that cannot be read are told by their number; the others are kept.

mod line;

use skopos_core::metric::{MetricBatch, MetricSample, MetricValue, SeriesBatch};
use skopos_core::{Labels, LabelsBuilder};

use self::line::{FieldValue, Line};

/// Most faulty lines that are told one by one.
const MAX_TOLD: usize = 10;

/// The unit of timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Nanoseconds.
    #[default]
    Nanoseconds,
    /// Microseconds.
    Microseconds,
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// Minutes, of version 1 alone.
    Minutes,
    /// Hours, of version 1 alone.
    Hours,
}

impl Precision {
    /// Reads the parameter `precision` of either version of the API; an empty one is nanoseconds.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "" | "n" | "ns" => Some(Self::Nanoseconds),
            "u" | "us" | "µ" => Some(Self::Microseconds),
            "ms" => Some(Self::Milliseconds),
            "s" => Some(Self::Seconds),
            "m" => Some(Self::Minutes),
            "h" => Some(Self::Hours),
            _ => None,
        }
    }

    fn to_ms(self, timestamp: i64) -> Option<i64> {
        match self {
            Self::Nanoseconds => Some(timestamp.div_euclid(1_000_000)),
            Self::Microseconds => Some(timestamp.div_euclid(1000)),
            Self::Milliseconds => Some(timestamp),
            Self::Seconds => timestamp.checked_mul(1000),
            Self::Minutes => timestamp.checked_mul(60_000),
            Self::Hours => timestamp.checked_mul(3_600_000),
        }
    }
}

/// What a body gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InfluxLines {
    /// What can be stored.
    pub batch: MetricBatch,
    /// Fields that are texts.
    pub texts: u64,
    /// Lines that cannot be read.
    pub faulty: u64,
    /// The first of them, each with its number and what is wrong.
    pub told: Vec<String>,
}

/// Reads a body. Lines without a time get `now_ms`; `extra` are labels for series that have no such
/// tag, such as the database.
pub fn decode_lines(body: &str, precision: Precision, extra: &[(&str, &str)], now_ms: i64) -> InfluxLines {
    let mut out = InfluxLines::default();
    for (number, text) in (1u64..).zip(body.lines()) {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let read = Line::read(text).and_then(|line| {
            let timestamp_ms = match line.timestamp {
                None => now_ms,
                Some(timestamp) => precision
                    .to_ms(timestamp)
                    .ok_or_else(|| format!("timestamp {timestamp} is out of range"))?,
            };
            Ok((line, timestamp_ms))
        });
        match read {
            Ok((line, timestamp_ms)) => add(&line, timestamp_ms, extra, &mut out),
            Err(reason) => {
                out.faulty += 1;
                if out.told.len() < MAX_TOLD {
                    out.told.push(format!("line {number}: {reason}"));
                }
            }
        }
    }
    out
}

fn add(line: &Line<'_>, timestamp_ms: i64, extra: &[(&str, &str)], out: &mut InfluxLines) {
    let mut tags = LabelsBuilder::new();
    for (name, value) in extra {
        tags.set(name, value);
    }
    for (name, value) in &line.tags {
        tags.set(&label_name(name), value);
    }
    let measurement = metric_name(&line.measurement);
    for (field, value) in &line.fields {
        let value = match value {
            FieldValue::Number(value) => *value,
            FieldValue::Text => {
                out.texts += 1;
                continue;
            }
        };
        let name = if field == "value" {
            measurement.clone()
        } else {
            format!("{measurement}_{}", metric_name(field).trim_start_matches('_'))
        };
        out.batch.series.push(SeriesBatch {
            labels: named(&mut tags, &name),
            samples: vec![MetricSample {
                timestamp_ms,
                value: MetricValue::Float(value),
            }],
            ..SeriesBatch::default()
        });
    }
}

fn named(tags: &mut LabelsBuilder, name: &str) -> Labels {
    tags.set(skopos_core::labels::METRIC_NAME, name).build()
}

/// A metric name of the classic character set: other characters become `_`.
pub(crate) fn metric_name(text: &str) -> String {
    escaped(text, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))
}

/// A label name of the classic character set.
pub(crate) fn label_name(text: &str) -> String {
    escaped(text, |c| c.is_ascii_alphanumeric() || c == '_')
}

fn escaped(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        out.push('_');
    }
    out.extend(text.chars().map(|c| if keep(c) { c } else { '_' }));
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(body: &str, precision: Precision) -> Vec<String> {
        let read = decode_lines(body, precision, &[("db", "d")], 77);
        let series = read.batch.series.iter().map(|series| match series.samples[0].value {
            MetricValue::Float(value) => format!("{} {value} {}", series.labels, series.samples[0].timestamp_ms),
            MetricValue::Histogram(_) => "histogram".to_owned(),
        });
        series.chain(read.told).collect()
    }

    #[test]
    fn fields_become_samples() {
        let body = "# comment\n\nw,host=a\\ b,r\\,x=y used=1.5,free=2i,up=true,name=\"x, \\\"y\\\" z=1\",n=3u \
                    1700000000123456789\nload value=4\r\n";
        assert_eq!(
            shown(body, Precision::Nanoseconds),
            [
                r#"{__name__="w_used", db="d", host="a b", r_x="y"} 1.5 1700000000123"#,
                r#"{__name__="w_free", db="d", host="a b", r_x="y"} 2 1700000000123"#,
                r#"{__name__="w_up", db="d", host="a b", r_x="y"} 1 1700000000123"#,
                r#"{__name__="w_n", db="d", host="a b", r_x="y"} 3 1700000000123"#,
                r#"{__name__="load", db="d"} 4 77"#,
            ]
        );
        assert_eq!(decode_lines(body, Precision::Nanoseconds, &[], 0).texts, 1);
    }

    #[test]
    fn faulty_lines_are_told_by_number_and_the_others_kept() {
        let body = "a v=1 5\nb\nc v=x\nd v=1 soon\ne,t v=1\nf v=\"open\n,x v=1\ng v=99999999999999999999i\nh v=2";
        assert_eq!(
            shown(body, Precision::Seconds),
            [
                r#"{__name__="a_v", db="d"} 1 5000"#,
                r#"{__name__="h_v", db="d"} 2 77"#,
                "line 2: missing fields",
                r#"line 3: field "v" has the value "x", which is none"#,
                r#"line 4: bad timestamp "soon""#,
                r#"line 5: tag "t" has no value"#,
                r#"line 6: field "v" has a text that does not end"#,
                "line 7: missing measurement",
                r#"line 8: field "v" has the value "99999999999999999999i", which is none"#,
            ]
        );
        assert_eq!(
            shown(&format!("a v=1 {}", i64::MAX), Precision::Hours),
            [format!("line 1: timestamp {} is out of range", i64::MAX)]
        );
    }

    #[test]
    fn a_tag_wins_over_the_database_and_names_are_escaped() {
        assert_eq!(
            shown("1x.y,db=own,a-b=c f.g=1", Precision::Nanoseconds),
            [r#"{__name__="_1x_y_f_g", a_b="c", db="own"} 1 77"#]
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(body in "\\PC*") {
            let read = decode_lines(&body, Precision::Nanoseconds, &[], 0);
            prop_assert!(read.faulty as usize <= body.lines().count());
        }

        #[test]
        fn no_mutation_panics(at in 0usize..60, c in any::<char>()) {
            let good = "w,host=a\\ b used=1.5,free=2i,name=\"x\\\"y\",up=t 1700000000";
            let body: String = good.chars().enumerate().map(|(i, old)| if i == at { c } else { old }).collect();
            let read = decode_lines(&body, Precision::Seconds, &[], 0);
            prop_assert!(read.batch.series.len() <= 4);
        }

        #[test]
        fn what_is_written_is_read(value in any::<f64>().prop_filter("finite", |value| value.is_finite()), tag in "[a-z =,]{1,9}") {
            let escaped = tag.replace(' ', "\\ ").replace('=', "\\=").replace(',', "\\,");
            let read = decode_lines(&format!("m,t={escaped} value={value}"), Precision::Seconds, &[], 0);
            prop_assert_eq!(&read.told, &Vec::<String>::new());
            let series = &read.batch.series[0];
            prop_assert_eq!(series.labels.get("t"), tag);
            prop_assert!(matches!(series.samples[0].value, MetricValue::Float(got) if got == value));
        }
    }
}
