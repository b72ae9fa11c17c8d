//! The texts of labels and annotations: templates with the functions and variables that
//! Prometheus gives them.

mod functions;
mod net;

use std::fmt;
use std::sync::Arc;

use skopos_core::Labels;
use skopos_core::metric::MetricValue;
use skopos_template::{ExecError, Limits, Object, ParseError, Template, Value};

use crate::io::RuleSample;
use functions::{NamesOnly, RuleFunctions};

/// What Prometheus writes before each template of a rule.
const DEFINITIONS: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
                           {{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// A template of a label or an annotation.
#[derive(Clone)]
pub struct Expander {
    template: Option<Template>,
    text: String,
}

impl fmt::Debug for Expander {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expander").field(&self.text).finish()
    }
}

/// What templates can ask for while they run.
pub struct ExpandContext<'a> {
    /// Evaluates a PromQL query at the time of the rule.
    pub query: &'a dyn Fn(&str) -> Result<Vec<RuleSample>, String>,
    /// Milliseconds since the Unix epoch.
    pub now_ms: i64,
    /// Labels of this server.
    pub external_labels: &'a Labels,
    /// Where this server is reached, without a slash at the end.
    pub external_url: &'a str,
}

impl fmt::Debug for ExpandContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExpandContext")
            .field("now_ms", &self.now_ms)
            .finish_non_exhaustive()
    }
}

impl Expander {
    /// Parses the text of a label or annotation of the alert `alert`.
    pub fn parse(alert: &str, text: &str) -> Result<Self, ParseError> {
        let template = if text.contains("{{") {
            let full = format!("{DEFINITIONS}{text}");
            Some(Template::parse(&format!("__alert_{alert}"), &full, &NamesOnly)?)
        } else {
            None
        };
        Ok(Self {
            template,
            text: text.to_owned(),
        })
    }

    /// The text for one sample.
    pub fn expand(&self, sample: &RuleSample, context: &ExpandContext<'_>) -> Result<String, ExecError> {
        let Some(template) = &self.template else {
            return Ok(self.text.clone());
        };
        let data = Value::Object(Arc::new(AlertData::new(sample, context)));
        template.execute(&data, &RuleFunctions { context }, &Limits::default())
    }

    /// The text for one sample; what goes wrong becomes the text, as in Prometheus.
    pub(crate) fn expand_or_error(&self, sample: &RuleSample, context: &ExpandContext<'_>) -> String {
        match self.expand(sample, context) {
            Ok(text) => text,
            Err(error) => format!("<error expanding template: {error}>"),
        }
    }
}

/// The data of a template (`template.AlertTemplateData`).
#[derive(Debug)]
struct AlertData {
    labels: Value,
    external_labels: Value,
    external_url: Value,
    value: Value,
}

impl AlertData {
    fn new(sample: &RuleSample, context: &ExpandContext<'_>) -> Self {
        Self {
            labels: Value::string_map(&sample.labels),
            external_labels: Value::string_map(context.external_labels),
            external_url: context.external_url.into(),
            value: value_of(&sample.value),
        }
    }
}

/// A sample's value for templates: a number, or the text of a histogram.
fn value_of(value: &MetricValue) -> Value {
    match value {
        MetricValue::Float(value) => Value::Float(*value),
        MetricValue::Histogram(histogram) => format!("{{count:{}, sum:{}}}", histogram.count, histogram.sum).into(),
    }
}

impl Object for AlertData {
    fn type_name(&self) -> &'static str {
        "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }"
    }

    fn member(&self, name: &str, _arguments: &[Value]) -> Option<Result<Value, String>> {
        let value = match name {
            "Labels" => &self.labels,
            "ExternalLabels" => &self.external_labels,
            "ExternalURL" => &self.external_url,
            "Value" => &self.value,
            _ => return None,
        };
        Some(Ok(value.clone()))
    }

    fn text(&self) -> String {
        let members = [&self.labels, &self.external_labels, &self.external_url, &self.value];
        let texts = members.map(|value| skopos_template::sprintf("%v", std::slice::from_ref(value)));
        format!("{{{}}}", texts.join(" "))
    }
}

/// A sample as `query` gives it.
#[derive(Debug)]
struct TemplateSample {
    labels: Value,
    value: Value,
}

impl TemplateSample {
    fn new(sample: &RuleSample) -> Self {
        Self {
            labels: Value::string_map(&sample.labels),
            value: value_of(&sample.value),
        }
    }
}

impl Object for TemplateSample {
    fn type_name(&self) -> &'static str {
        "*template.sample"
    }

    fn member(&self, name: &str, _arguments: &[Value]) -> Option<Result<Value, String>> {
        match name {
            "Labels" => Some(Ok(self.labels.clone())),
            "Value" => Some(Ok(self.value.clone())),
            _ => None,
        }
    }

    fn text(&self) -> String {
        let texts =
            [&self.labels, &self.value].map(|value| skopos_template::sprintf("%v", std::slice::from_ref(value)));
        format!("{{{}}}", texts.join(" "))
    }
}

#[cfg(test)]
mod tests;
