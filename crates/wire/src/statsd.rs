//! StatsD lines, with the tags, values and types of DogStatsD: `name:value|type|@rate|#tag:value`.
//!
//! What a line says becomes a [`StatsdSample`]; adding samples up over time is the receiver's.

use std::borrow::Cow;

use skopos_core::Labels;

use crate::influx::{label_name, metric_name};
use crate::number::parse_float;

/// Most values that one line may pack.
const MAX_VALUES: usize = 1024;

/// What is done with a value.
#[derive(Debug, Clone, PartialEq)]
pub enum StatsdValue {
    /// `c`: added to a counter, the sample rate taken into account.
    Count(f64),
    /// `g`: a gauge is set.
    Set(f64),
    /// `g` with a sign: added to a gauge.
    Add(f64),
    /// `ms`, `h`, `d`: observed, in seconds for `ms`, standing for `weight` observations.
    Observe {
        /// The value.
        value: f64,
        /// One over the sample rate.
        weight: f64,
    },
    /// `s`: a member of a set that is counted.
    Member(String),
}

/// A sample.
#[derive(Debug, Clone, PartialEq)]
pub struct StatsdSample {
    /// The series, name included.
    pub labels: Labels,
    /// What is done.
    pub value: StatsdValue,
}

/// What a line holds.
#[derive(Debug, Clone, PartialEq)]
pub enum StatsdLine {
    /// Samples, one for each value.
    Samples(Vec<StatsdSample>),
    /// An event or a service check of DogStatsD, which are no metrics.
    Other,
}

/// Reads a line. The error says what is wrong with it.
pub fn decode_line(line: &str) -> Result<StatsdLine, String> {
    if line.starts_with("_e{") || line.starts_with("_sc|") {
        return Ok(StatsdLine::Other);
    }
    let (name, rest) = line.split_once(':').ok_or("there is no value")?;
    if name.is_empty() {
        return Err("there is no name".to_owned());
    }
    let mut parts = rest.split('|');
    let values = parts.next().unwrap_or_default();
    let kind = parts.next().ok_or("there is no type")?;
    let mut rate = 1.0;
    let mut pairs: Vec<(Cow<'_, str>, &str)> = Vec::new();
    for part in parts {
        if let Some(number) = part.strip_prefix('@') {
            let number = parse_float(number.as_bytes()).filter(|rate| *rate > 0.0 && *rate <= 1.0);
            rate = number.ok_or_else(|| format!("sample rate {part:?} is not above 0 and at most 1"))?;
        } else if let Some(tags) = part.strip_prefix('#') {
            pairs.extend(tags.split(',').filter_map(tag));
        }
        // Container ids and times of DogStatsD are passed over.
    }
    let labels = labels(name, &pairs);
    let mut samples = Vec::new();
    // A set's member may hold a colon.
    let values: Vec<&str> = if kind == "s" {
        vec![values]
    } else {
        values.split(':').take(MAX_VALUES + 1).collect()
    };
    if values.len() > MAX_VALUES {
        return Err(format!("more than {MAX_VALUES} values"));
    }
    for value in values {
        samples.push(StatsdSample {
            labels: labels.clone(),
            value: read_value(kind, value, rate)?,
        });
    }
    Ok(StatsdLine::Samples(samples))
}

fn read_value(kind: &str, text: &str, rate: f64) -> Result<StatsdValue, String> {
    if kind == "s" {
        return Ok(StatsdValue::Member(text.to_owned()));
    }
    let number = parse_float(text.as_bytes())
        .filter(|number| number.is_finite())
        .ok_or_else(|| format!("{:?} is no number", text.chars().take(40).collect::<String>()))?;
    let weight = 1.0 / rate;
    match kind {
        "c" => Ok(StatsdValue::Count(number * weight)),
        "g" if text.starts_with(['+', '-']) => Ok(StatsdValue::Add(number)),
        "g" => Ok(StatsdValue::Set(number)),
        "ms" => Ok(StatsdValue::Observe {
            value: number / 1000.0,
            weight,
        }),
        "h" | "d" => Ok(StatsdValue::Observe { value: number, weight }),
        other => Err(format!("type {other:?} is none of c, g, ms, h, d and s")),
    }
}

/// A tag without a value is a label with an empty one, which is none.
fn tag(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let (name, value) = text.split_once(':')?;
    (!name.is_empty() && !value.is_empty()).then(|| (label_name(name).into(), value))
}

fn labels(name: &str, pairs: &[(Cow<'_, str>, &str)]) -> Labels {
    let name = metric_name(name);
    let tags = pairs.iter().map(|(name, value)| (name.as_ref(), *value));
    Labels::from_pairs(tags.chain([(skopos_core::labels::METRIC_NAME, name.as_str())]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(line: &str) -> Vec<String> {
        match decode_line(line) {
            Ok(StatsdLine::Samples(samples)) => samples
                .iter()
                .map(|sample| format!("{} {:?}", sample.labels, sample.value))
                .collect(),
            Ok(StatsdLine::Other) => vec!["other".to_owned()],
            Err(reason) => vec![reason],
        }
    }

    #[test]
    fn lines_are_read() {
        for (line, wanted) in [
            ("a.b-c:1|c", r#"{__name__="a_b_c"} Count(1.0)"#),
            (
                "a:2|c|@0.1|#x:y,z,w:v:u",
                r#"{__name__="a", w="v:u", x="y"} Count(20.0)"#,
            ),
            ("a:-2|g", r#"{__name__="a"} Add(-2.0)"#),
            ("a:2|g|c:container|T1700000000", r#"{__name__="a"} Set(2.0)"#),
            (
                "a:250|ms|@0.5",
                r#"{__name__="a"} Observe { value: 0.25, weight: 2.0 }"#,
            ),
            ("a:u:1|s", r#"{__name__="a"} Member("u:1")"#),
            ("_e{1,1}:a|b", "other"),
            ("_sc|a|0", "other"),
            ("a", "there is no value"),
            (":1|c", "there is no name"),
            ("a:1", "there is no type"),
            ("a:x|c", "\"x\" is no number"),
            ("a:1|q", "type \"q\" is none of c, g, ms, h, d and s"),
            ("a:1|c|@0", "sample rate \"@0\" is not above 0 and at most 1"),
        ] {
            assert_eq!(shown(line), [wanted], "{line}");
        }
        assert_eq!(shown("a:1:2.5|d").len(), 2);
    }

    proptest! {
        #[test]
        fn no_text_panics(line in "\\PC*") {
            prop_assert!(shown(&line).len() <= line.len().max(1));
        }

        #[test]
        fn no_mutation_panics(at in 0usize..30, c in any::<char>()) {
            let line: String = "a.b:1:2|ms|@0.5|#x:y,z:w|c:q".chars().enumerate()
                .map(|(i, old)| if i == at { c } else { old }).collect();
            prop_assert!(shown(&line).len() <= 3);
        }
    }
}
