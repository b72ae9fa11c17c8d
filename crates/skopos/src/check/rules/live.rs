//! What a running server knows of metrics and labels, asked once before rules are checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;
use skopos_promql::ParseOptions;
use skopos_rules::QueryLanguage;
use skopos_rules::lint::{LintedFile, LiveData};

use crate::cli::query::ServerArgs;
use crate::query::api;

/// Most names that are proposed.
const NEAREST: usize = 3;

/// Metrics of a server, and the labels of those that rules ask for.
pub(super) struct Server {
    metrics: Vec<String>,
    labels: BTreeMap<String, BTreeSet<String>>,
}

impl Server {
    /// Asks for all metrics, and for the labels of each that the rules name.
    pub(super) async fn ask(
        url: &str,
        tenant: Option<&str>,
        http_config: Option<&Path>,
        files: &[LintedFile<'_>],
        syntax: ParseOptions,
    ) -> anyhow::Result<Self> {
        let server = ServerArgs {
            server: url.to_owned(),
            http_config: http_config.map(Path::to_path_buf),
            tenant: tenant.map(str::to_owned),
            json: true,
        };
        let metrics = strings(&api::get(&server, "/api/v1/label/__name__/values", &[]).await?)?;
        let known: BTreeSet<&str> = metrics.iter().map(String::as_str).collect();
        let mut labels = BTreeMap::new();
        for metric in named(files, syntax) {
            if known.contains(metric.as_str()) {
                let selector = format!("{{__name__={metric:?}}}");
                let answer = api::get(&server, "/api/v1/labels", &[("match[]", selector)]).await?;
                labels.insert(metric, strings(&answer)?.into_iter().collect());
            }
        }
        Ok(Self { metrics, labels })
    }
}

/// The metrics that the rules name.
fn named(files: &[LintedFile<'_>], syntax: ParseOptions) -> BTreeSet<String> {
    let rules = files
        .iter()
        .flat_map(|file| &file.file.groups)
        .flat_map(|group| &group.rules);
    let queries = rules.filter(|rule| rule.language == QueryLanguage::PromQl);
    let parsed = queries.filter_map(|rule| skopos_promql::parse_with(&rule.expr, syntax).ok());
    parsed.flat_map(|expr| skopos_promql::metric_names(&expr)).collect()
}

/// The list under `data` of an answer of Prometheus' API.
fn strings(answer: &Value) -> anyhow::Result<Vec<String>> {
    let list = answer["data"]
        .as_array()
        .context("the server's answer has no list under `data`")?;
    Ok(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

impl LiveData for Server {
    fn has_metric(&self, metric: &str) -> bool {
        self.metrics.iter().any(|other| other == metric)
    }

    fn labels(&self, metric: &str) -> Option<BTreeSet<String>> {
        self.labels.get(metric).cloned()
    }

    fn nearest_metrics(&self, metric: &str) -> Vec<String> {
        skopos_prove::dead::nearest(&[metric.to_owned()], &self.metrics, NEAREST)
    }

    fn nearest_labels(&self, label: &str, labels: &BTreeSet<String>) -> Vec<String> {
        let labels: Vec<String> = labels.iter().cloned().collect();
        skopos_prove::dead::nearest(&[label.to_owned()], &labels, NEAREST)
    }
}
