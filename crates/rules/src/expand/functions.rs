//! The functions of `template/template.go` in Prometheus.

use std::collections::BTreeMap;
use std::sync::Arc;

use skopos_core::re2;
use skopos_template::{Functions, Map, TimeValue, Value, humanize, query_escape};

use super::net::{strip_domain, strip_port};
use super::{ExpandContext, TemplateSample};

const NAMES: &[&str] = &[
    "args",
    "externalURL",
    "first",
    "graphLink",
    "humanize",
    "humanize1024",
    "humanizeDuration",
    "humanizePercentage",
    "humanizeTimestamp",
    "label",
    "match",
    "now",
    "parseDuration",
    "pathPrefix",
    "query",
    "reReplaceAll",
    "safeHtml",
    "sortByLabel",
    "stripDomain",
    "stripPort",
    "strvalue",
    "tableLink",
    "title",
    "toDuration",
    "toLower",
    "toTime",
    "toUpper",
    "urlQueryEscape",
    "value",
];

/// The names alone, for parsing.
pub(super) struct NamesOnly;

impl Functions for NamesOnly {
    fn contains(&self, name: &str) -> bool {
        NAMES.contains(&name)
    }

    fn call(&self, name: &str, _arguments: &[Value]) -> Result<Value, String> {
        Err(format!("{name} is not callable while a template is parsed"))
    }
}

/// The functions of one evaluation.
pub(super) struct RuleFunctions<'a> {
    pub(super) context: &'a ExpandContext<'a>,
}

impl Functions for RuleFunctions<'_> {
    fn contains(&self, name: &str) -> bool {
        NAMES.contains(&name)
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        match (name, arguments) {
            ("query", [Value::String(query)]) => self.query(query),
            ("now", []) => Ok(Value::Float(self.context.now_ms as f64 / 1000.0)),
            ("externalURL", []) => Ok(self.context.external_url.into()),
            ("pathPrefix", []) => Ok(path_of(self.context.external_url).into()),
            ("args", _) => Ok(args(arguments)),
            ("match", [Value::String(pattern), Value::String(text)]) => {
                Ok(re2::compile(pattern)?.is_match(text).into())
            }
            ("reReplaceAll", [Value::String(pattern), Value::String(with), Value::String(text)]) => {
                Ok(re2::compile(pattern)?.replace_all(text, &**with).as_ref().into())
            }
            ("sortByLabel", [Value::String(label), Value::List(samples)]) => Ok(sort_by_label(label, samples)),
            ("first", [Value::List(samples)]) => match samples.first() {
                Some(sample) => Ok(sample.clone()),
                None => Err("first() called on vector with no elements".to_owned()),
            },
            ("label", [Value::String(name), sample]) => label(sample, name),
            ("strvalue", [sample]) => label(sample, "__value__"),
            ("value", [sample]) => member(sample, "Value"),
            (_, [Value::String(text)]) if is_text_function(name) => text_function(name, text),
            (_, [value]) if humanize::is_number_function(name) => number_function(name, value),
            _ => Err(wrong_arguments(name, arguments)),
        }
    }
}

impl RuleFunctions<'_> {
    fn query(&self, query: &str) -> Result<Value, String> {
        let samples = (self.context.query)(query)?;
        let objects = samples
            .iter()
            .map(|sample| Value::Object(Arc::new(TemplateSample::new(sample))));
        Ok(Value::list(objects.collect()))
    }
}

fn wrong_arguments(name: &str, arguments: &[Value]) -> String {
    let want = match name {
        "now" | "externalURL" | "pathPrefix" => 0,
        "match" | "sortByLabel" | "label" => 2,
        "reReplaceAll" => 3,
        _ => 1,
    };
    if arguments.len() != want {
        return format!("wrong number of args for {name}: want {want} got {}", arguments.len());
    }
    let types: Vec<&str> = arguments.iter().map(Value::type_name).collect();
    format!("wrong type for value; got {}", types.join(", "))
}

fn args(arguments: &[Value]) -> Value {
    let named = arguments.iter().enumerate();
    let entries: BTreeMap<String, Value> = named.map(|(i, value)| (format!("arg{i}"), value.clone())).collect();
    Value::Map(Arc::new(Map {
        entries,
        missing: Value::Nil,
    }))
}

fn member(sample: &Value, name: &str) -> Result<Value, String> {
    let found = match sample {
        Value::Object(object) => object.member(name, &[]),
        _ => None,
    };
    found.unwrap_or_else(|| {
        Err(format!(
            "wrong type for value; expected *template.sample; got {}",
            sample.type_name()
        ))
    })
}

fn label(sample: &Value, name: &str) -> Result<Value, String> {
    match member(sample, "Labels")? {
        Value::Map(labels) => Ok(labels.entries.get(name).unwrap_or(&labels.missing).clone()),
        _ => Ok("".into()),
    }
}

fn sort_by_label(name: &str, samples: &[Value]) -> Value {
    let mut sorted = samples.to_vec();
    sorted.sort_by_cached_key(|sample| match label(sample, name) {
        Ok(Value::String(text)) => text.to_string(),
        _ => String::new(),
    });
    Value::list(sorted)
}

fn path_of(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    after_scheme.find('/').map_or("", |slash| &after_scheme[slash..])
}

fn is_text_function(name: &str) -> bool {
    const TEXT: &[&str] = &[
        "graphLink",
        "parseDuration",
        "safeHtml",
        "stripDomain",
        "stripPort",
        "tableLink",
        "title",
        "toLower",
        "toUpper",
        "urlQueryEscape",
    ];
    TEXT.contains(&name)
}

fn text_function(name: &str, text: &str) -> Result<Value, String> {
    let result = match name {
        "graphLink" => format!("/graph?g0.expr={}&g0.tab=0", query_escape(text)),
        "tableLink" => format!("/graph?g0.expr={}&g0.tab=1", query_escape(text)),
        "parseDuration" => {
            let duration_ms = skopos_promql::duration::parse_duration(text).map_err(|error| error.to_string())?;
            return Ok(Value::Float(duration_ms as f64 / 1000.0));
        }
        "stripDomain" => strip_domain(text),
        "stripPort" => strip_port(text).to_owned(),
        "title" => humanize::title(text),
        "toLower" => text.to_lowercase(),
        "toUpper" => text.to_uppercase(),
        "urlQueryEscape" => query_escape(text),
        _ => text.to_owned(),
    };
    Ok(result.into())
}

fn number_function(name: &str, value: &Value) -> Result<Value, String> {
    let number = humanize::number(value)?;
    match name {
        "toTime" => Ok(Value::Time(TimeValue::utc(humanize::nanoseconds(number)?))),
        "toDuration" => Ok(Value::Duration((number * 1e9) as i64)),
        "humanizeTimestamp" => humanize::timestamp(number).map(Value::from),
        _ => Ok(humanize::humanize(name, number).into()),
    }
}
