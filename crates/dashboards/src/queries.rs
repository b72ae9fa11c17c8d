//! Which language a panel's query is written in: its data source may be an object, a name or a
//! variable, of the target, the panel or nobody.

use serde_json::Value;

/// A query language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// Prometheus' language.
    PromQl,
    /// Loki's language.
    LogQl,
}

impl Language {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PromQl => "PromQL",
            Self::LogQl => "LogQL",
        }
    }
}

/// Says whether a query parses, and if not why.
pub type QueryCheck<'a> = &'a dyn Fn(Language, &str) -> Result<(), String>;

/// The query of a target.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Query<'a> {
    /// There is none, or its data source is not known.
    None,
    /// A query for a kind of data source that cannot be asked.
    Foreign(&'a str),
    /// A query.
    Text(Language, &'a str),
}

/// Kinds of data sources that hold no query of ours and need none.
const NO_QUERY: &[&str] = &[
    "datasource",
    "grafana",
    "-- Dashboard --",
    "-- Mixed --",
    "-- Grafana --",
    "__expr__",
];
/// Kinds that the page can ask without a query language.
const TRACES: &[&str] = &["jaeger", "tempo", "zipkin"];

/// The data sources that a dashboard's variables stand for.
pub(crate) struct DataSources<'a> {
    /// Name of the variable and kind of its data source.
    variables: Vec<(&'a str, &'a str)>,
}

impl<'a> DataSources<'a> {
    pub(crate) fn of(dashboard: &'a Value) -> Self {
        let list = dashboard["templating"]["list"].as_array().into_iter().flatten();
        let variables = list.filter(|variable| variable["type"] == "datasource");
        let variables =
            variables.filter_map(|variable| Some((variable["name"].as_str()?, variable["query"].as_str()?)));
        let inputs = dashboard["__inputs"].as_array().into_iter().flatten();
        let inputs = inputs.filter_map(|input| Some((input["name"].as_str()?, input["pluginId"].as_str()?)));
        Self {
            variables: variables.chain(inputs).collect(),
        }
    }

    /// The query of a target of a panel.
    pub(crate) fn query(&self, panel: &'a Value, target: &'a Value) -> Query<'a> {
        let own = self.kind(&target["datasource"]);
        let kind = own
            .filter(|kind| !NO_QUERY.contains(kind))
            .or_else(|| self.kind(&panel["datasource"]));
        let expr = target["expr"].as_str().unwrap_or("").trim();
        match kind {
            Some("prometheus") | None if expr.is_empty() => Query::None,
            Some("prometheus") => Query::Text(Language::PromQl, expr),
            Some("loki") if expr.is_empty() => Query::None,
            Some("loki") => Query::Text(Language::LogQl, expr),
            Some(kind) if NO_QUERY.contains(&kind) || TRACES.contains(&kind) => Query::None,
            Some(kind) => Query::Foreign(kind),
            None if is_absent(&target["datasource"]) && is_absent(&panel["datasource"]) => {
                Query::Text(Language::PromQl, expr)
            }
            None => Query::None,
        }
    }

    /// The language in which a data source is asked, where it can be told; PromQL where none is named.
    pub(crate) fn language(&self, source: &'a Value) -> Option<Language> {
        match self.kind(source) {
            Some("prometheus") => Some(Language::PromQl),
            Some("loki") => Some(Language::LogQl),
            None if is_absent(source) => Some(Language::PromQl),
            _ => None,
        }
    }

    /// The kind of a data source, where it can be told.
    fn kind(&self, source: &'a Value) -> Option<&'a str> {
        match source {
            Value::Object(object) => object.get("type").and_then(Value::as_str).or_else(|| {
                let uid = object.get("uid").and_then(Value::as_str)?;
                self.named(uid)
            }),
            Value::String(name) => self.named(name),
            _ => None,
        }
    }

    fn named(&self, name: &'a str) -> Option<&'a str> {
        if NO_QUERY.contains(&name) {
            return Some(name);
        }
        let variable = name
            .trim_start_matches('$')
            .trim_start_matches('{')
            .trim_end_matches('}');
        let known = self
            .variables
            .iter()
            .find(|(own, _)| *own == variable)
            .map(|(_, kind)| *kind);
        let lower = name.to_ascii_lowercase();
        known.or(match lower.as_str() {
            "prometheus" => Some("prometheus"),
            "loki" => Some("loki"),
            _ => None,
        })
    }
}

fn is_absent(source: &Value) -> bool {
    match source {
        Value::Null => true,
        Value::String(name) => name.is_empty() || name == "default",
        _ => false,
    }
}
