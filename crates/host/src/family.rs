//! Metric families in the making, and their text form.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// Families by name; samples keep the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Families {
    families: BTreeMap<String, Family>,
}

#[derive(Debug)]
struct Family {
    kind: &'static str,
    help: String,
    samples: String,
}

/// A sample's labels: name and value.
pub(crate) type Pairs<'a> = [(&'a str, &'a str)];

impl Families {
    /// Adds a sample of a counter.
    pub(crate) fn counter(&mut self, name: &str, help: &str, labels: &Pairs<'_>, value: f64) {
        self.add("counter", name, help, labels, value);
    }

    /// Adds a sample of a gauge.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, labels: &Pairs<'_>, value: f64) {
        self.add("gauge", name, help, labels, value);
    }

    fn add(&mut self, kind: &'static str, name: &str, help: &str, labels: &Pairs<'_>, value: f64) {
        let family = self.families.entry(name.to_owned()).or_insert_with(|| Family {
            kind,
            help: help.to_owned(),
            samples: String::new(),
        });
        write_sample(&mut family.samples, name, labels, value).expect("writing to memory cannot fail");
    }
}

fn write_sample(out: &mut String, name: &str, labels: &Pairs<'_>, value: f64) -> fmt::Result {
    out.write_str(name)?;
    for (i, (label, value)) in labels.iter().enumerate() {
        let open = if i == 0 { '{' } else { ',' };
        write!(out, "{open}{label}=\"{}\"", escape(value))?;
    }
    if !labels.is_empty() {
        out.write_char('}')?;
    }
    writeln!(out, " {value}")
}

/// Label values escape backslash, quote and line feed.
fn escape(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

impl fmt::Display for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, family) in &self.families {
            writeln!(
                f,
                "# HELP {name} {}",
                family.help.replace('\\', r"\\").replace('\n', r"\n")
            )?;
            writeln!(f, "# TYPE {name} {}", family.kind)?;
            f.write_str(&family.samples)?;
        }
        Ok(())
    }
}
