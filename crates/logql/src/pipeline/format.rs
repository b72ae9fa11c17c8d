//! The stages `line_format` and `label_format`.

use skopos_template::{Limits, Template, Value};

use super::template_functions::{EntryFunctions, KnownFunctions};
use crate::ast::{LabelFormat, LabelFormatValue};
use crate::labels::{Category, ERROR, EntryLabels};

const TEMPLATE_ERROR: &str = "TemplateFormatErr";
/// What one template may use per line.
const LIMITS: Limits = Limits {
    output_bytes: 1024 * 1024,
    loop_turns: 10_000,
    depth: 16,
};

fn parse(name: &str, text: &str) -> Result<Template, String> {
    Template::parse(name, text, &KnownFunctions).map_err(|error| format!("invalid {name} template: {error}"))
}

fn execute(template: &Template, timestamp_ns: i64, line: &str, labels: &EntryLabels) -> Result<String, String> {
    let data = Value::string_map(labels.pairs());
    let functions = EntryFunctions { timestamp_ns, line };
    template
        .execute(&data, &functions, &LIMITS)
        .map_err(|error| error.to_string())
}

#[derive(Debug)]
pub(super) struct LineFormatter {
    template: Template,
}

impl LineFormatter {
    pub(super) fn new(text: &str) -> Result<Self, String> {
        Ok(Self {
            template: parse("line", text)?,
        })
    }

    /// The new line; `None` keeps the old one.
    pub(super) fn run(&self, timestamp_ns: i64, line: &str, labels: &mut EntryLabels) -> Option<String> {
        match execute(&self.template, timestamp_ns, line, labels) {
            Ok(formatted) => Some(formatted),
            Err(error) => {
                labels.set_error(TEMPLATE_ERROR, error);
                None
            }
        }
    }
}

#[derive(Debug)]
enum Source {
    Rename(String),
    Template(Template),
}

#[derive(Debug)]
pub(super) struct LabelFormatter {
    formats: Vec<(String, Source)>,
}

impl LabelFormatter {
    pub(super) fn new(formats: &[LabelFormat]) -> Result<Self, String> {
        let mut compiled: Vec<(String, Source)> = Vec::with_capacity(formats.len());
        for format in formats {
            let name = &format.name;
            if name == ERROR {
                return Err(format!("{name} cannot be formatted"));
            }
            if compiled.iter().any(|(earlier, _)| earlier == name) {
                return Err(format!(
                    "multiple label name '{name}' not allowed in a single format operation"
                ));
            }
            let source = match &format.value {
                LabelFormatValue::Rename(from) => Source::Rename(from.clone()),
                LabelFormatValue::Template(text) => Source::Template(parse("label", text)?),
            };
            compiled.push((name.clone(), source));
        }
        Ok(Self { formats: compiled })
    }

    pub(super) fn run(&self, timestamp_ns: i64, line: &str, labels: &mut EntryLabels) {
        for (name, source) in &self.formats {
            match source {
                Source::Rename(from) => {
                    let Some((value, category)) = labels.get_with_category(from) else {
                        continue;
                    };
                    let value = value.to_owned();
                    labels.set(category, name, &value);
                    labels.remove(from);
                }
                Source::Template(template) => match execute(template, timestamp_ns, line, labels) {
                    Ok(value) => labels.set(Category::Parsed, name, &value),
                    Err(error) => labels.set_error(TEMPLATE_ERROR, error),
                },
            }
        }
    }
}
