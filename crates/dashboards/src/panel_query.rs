//! Everything that a dashboard asks: the queries of its panels, variables and annotations, as written.

use serde_json::Value;

use crate::check;
use crate::dashboard::Dashboard;
use crate::queries::{DataSources, Language, Query};

/// What in a dashboard asks a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asker {
    /// A panel.
    Panel,
    /// A variable. Its query may be one of Grafana's functions, such as `label_values(up, job)`.
    Variable,
    /// An annotation.
    Annotation,
}

/// A query of a dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PanelQuery {
    /// What asks it.
    pub asker: Asker,
    /// The panel's id, where it is a panel with one.
    pub panel_id: Option<i64>,
    /// Title of the panel, or name of the variable or annotation.
    pub title: String,
    /// The language.
    pub language: Language,
    /// The query, variables and all.
    pub expr: String,
}

impl Dashboard {
    /// The queries of panels, those inside rows included, then of variables, then of annotations. What asks
    /// data sources that are neither Prometheus nor Loki is left out.
    pub fn queries(&self) -> Vec<PanelQuery> {
        let sources = DataSources::of(&self.json);
        let panels = check::panels(&self.json).into_iter();
        let mut found: Vec<PanelQuery> = panels.flat_map(|panel| panel_queries(panel, &sources)).collect();
        found.extend(list(&self.json["templating"]).filter_map(|variable| variable_query(variable, &sources)));
        found.extend(list(&self.json["annotations"]).filter_map(|annotation| annotation_query(annotation, &sources)));
        found
    }
}

fn list(section: &Value) -> impl Iterator<Item = &Value> {
    section["list"].as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("").trim().to_owned()
}

fn panel_queries<'a>(panel: &'a Value, sources: &'a DataSources<'a>) -> impl Iterator<Item = PanelQuery> + 'a {
    let targets = panel["targets"].as_array().into_iter().flatten();
    targets.filter_map(move |target| match sources.query(panel, target) {
        Query::Text(language, expr) if !expr.is_empty() => Some(PanelQuery {
            asker: Asker::Panel,
            panel_id: panel["id"].as_i64(),
            title: text(&panel["title"]),
            language,
            expr: expr.to_owned(),
        }),
        _ => None,
    })
}

fn variable_query<'a>(variable: &'a Value, sources: &DataSources<'a>) -> Option<PanelQuery> {
    if variable["type"] != "query" {
        return None;
    }
    let language = sources.language(&variable["datasource"])?;
    let forms = [&variable["query"], &variable["query"]["query"], &variable["definition"]];
    let expr = forms.into_iter().map(text).find(|text| !text.is_empty())?;
    Some(PanelQuery {
        asker: Asker::Variable,
        panel_id: None,
        title: text(&variable["name"]),
        language,
        expr,
    })
}

fn annotation_query<'a>(annotation: &'a Value, sources: &DataSources<'a>) -> Option<PanelQuery> {
    let expr = text(&annotation["expr"]);
    let language = sources.language(&annotation["datasource"])?;
    (!expr.is_empty()).then(|| PanelQuery {
        asker: Asker::Annotation,
        panel_id: None,
        title: text(&annotation["name"]),
        language,
        expr,
    })
}
