//! `/api/v1/features`: what this server can do, by category, under Prometheus' names.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use skopos_promql::{FUNCTIONS, Feature};

use super::envelope::success;
use crate::options::{AdminApi, Lifecycle, SearchApi};
use crate::router::{App, Shared};

type Category = BTreeMap<String, bool>;

/// The features, each on or off.
pub(crate) async fn features(State(app): State<Shared>) -> Response {
    success(BTreeMap::from([
        ("api", api(&app)),
        ("promql", promql(&app)),
        ("promql_functions", functions(&app)),
        ("promql_operators", operators(&app)),
        (
            "rules",
            named([
                ("keep_firing_for", true),
                ("query_offset", true),
                ("new_rule_labels", true),
            ]),
        ),
        ("ui", named([("ui_v3", false)])),
    ]))
}

fn named<const N: usize>(features: [(&str, bool); N]) -> Category {
    features.into_iter().map(|(name, on)| (name.to_owned(), on)).collect()
}

fn api(app: &App) -> Category {
    named([
        ("admin", app.state.options.admin_api == AdminApi::Enabled),
        ("exclude_alerts", true),
        ("label_values_match", true),
        ("lifecycle", app.state.options.lifecycle == Lifecycle::Enabled),
        ("openapi_3.1", false),
        ("openapi_3.2", false),
        ("otlp_write_receiver", true),
        ("query_stats", true),
        ("query_warnings", true),
        ("remote_write_receiver", true),
        ("search", app.state.options.search_api == SearchApi::Enabled),
        ("time_range_labels", true),
        ("time_range_series", true),
    ])
}

fn promql(app: &App) -> Category {
    let options = app.state.promql.options();
    let on = |feature: Feature| feature == Feature::Enabled;
    named([
        ("anchored", on(options.syntax.extended_range_selectors)),
        ("at_modifier", true),
        ("bool", true),
        ("by", true),
        ("delayed_name_removal", on(options.delayed_name_removal)),
        ("duration_expr", on(options.syntax.duration_expressions)),
        ("experimental_functions", on(options.syntax.experimental_functions)),
        ("fill", on(options.syntax.fill_modifiers)),
        ("group_left", true),
        ("group_right", true),
        ("ignoring", true),
        ("negative_offset", true),
        ("offset", true),
        ("on", true),
        ("per_query_lookback_delta", true),
        ("per_step_stats", on(options.per_step_stats)),
        ("smoothed", on(options.syntax.extended_range_selectors)),
        ("subqueries", true),
        ("use_start_timestamps", on(options.start_timestamps)),
        ("without", true),
    ])
}

fn functions(app: &App) -> Category {
    let experimental = app.state.promql.options().syntax.experimental_functions == Feature::Enabled;
    let all = FUNCTIONS.iter();
    all.map(|function| (function.name.to_owned(), experimental || !function.experimental))
        .collect()
}

fn operators(app: &App) -> Category {
    let experimental = app.state.promql.options().syntax.experimental_functions == Feature::Enabled;
    let binary = skopos_promql::ast::BinaryOp::ALL.into_iter();
    let aggregations = skopos_promql::ast::AggregateOp::ALL.into_iter();
    binary
        .map(|op| (op.as_str().to_owned(), true))
        .chain(aggregations.map(|op| (op.as_str().to_owned(), experimental || !op.is_experimental())))
        .collect()
}
