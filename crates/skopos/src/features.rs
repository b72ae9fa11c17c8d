//! `--enable-feature`: Prometheus' names of what is off unless asked for, and what each turns on.

use skopos_promql::{EngineOptions, Feature, ParseOptions};

/// Features of Prometheus that are part of Skopos and cannot be turned off.
const ALWAYS_ON: [&str; 13] = [
    "auto-gomaxprocs",
    "auto-gomemlimit",
    "exemplar-storage",
    "expand-external-labels",
    "memory-snapshot-on-shutdown",
    "native-histograms",
    "new-service-discovery-manager",
    "otlp-deltatocumulative",
    "otlp-write-receiver",
    "promql-at-modifier",
    "promql-negative-offset",
    "remote-write-receiver",
    "utf8-names",
];

/// Which optional features are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Features {
    /// Flagged parts of the query language.
    pub(crate) syntax: ParseOptions,
    delayed_name_removal: Feature,
    start_timestamps: Feature,
    /// Whether series that OTLP brings get `__type__` and `__unit__`.
    pub(crate) type_and_unit_labels: Feature,
    /// Whether scraped series begin with a zero where their target says when.
    pub(crate) created_zeros: Feature,
    per_step_stats: Feature,
    /// Whether names of metrics and labels can be searched.
    pub(crate) search_api: Feature,
}

impl Default for Features {
    /// As Prometheus without flags.
    fn default() -> Self {
        Self {
            syntax: ParseOptions::all(Feature::Disabled),
            delayed_name_removal: Feature::Disabled,
            start_timestamps: Feature::Disabled,
            type_and_unit_labels: Feature::Disabled,
            created_zeros: Feature::Disabled,
            per_step_stats: Feature::Disabled,
            search_api: Feature::Disabled,
        }
    }
}

impl Features {
    /// Turns on what `names` say, and gives the names that mean nothing here.
    pub(crate) fn parse(names: &[String]) -> (Self, Vec<&str>) {
        let mut features = Self::default();
        let mut unknown = Vec::new();
        for name in names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
            match features.switch(name) {
                Some(switch) => *switch = Feature::Enabled,
                None if ALWAYS_ON.contains(&name) => {}
                None => unknown.push(name),
            }
        }
        (features, unknown)
    }

    fn switch(&mut self, name: &str) -> Option<&mut Feature> {
        match name {
            "promql-experimental-functions" => Some(&mut self.syntax.experimental_functions),
            "promql-duration-expr" => Some(&mut self.syntax.duration_expressions),
            "promql-extended-range-selectors" => Some(&mut self.syntax.extended_range_selectors),
            "promql-binop-fill-modifiers" => Some(&mut self.syntax.fill_modifiers),
            "promql-delayed-name-removal" => Some(&mut self.delayed_name_removal),
            "created-timestamp-zero-ingestion" => Some(&mut self.created_zeros),
            "type-and-unit-labels" => Some(&mut self.type_and_unit_labels),
            "use-start-timestamps" => Some(&mut self.start_timestamps),
            "search-api" => Some(&mut self.search_api),
            "promql-per-step-stats" => Some(&mut self.per_step_stats),
            _ => None,
        }
    }

    /// `options` with these features.
    pub(crate) fn apply(self, options: EngineOptions) -> EngineOptions {
        EngineOptions {
            syntax: self.syntax,
            delayed_name_removal: self.delayed_name_removal,
            start_timestamps: self.start_timestamps,
            per_step_stats: self.per_step_stats,
            ..options
        }
    }
}

#[cfg(test)]
mod tests {
    use skopos_promql::Engine;

    use super::*;

    #[track_caller]
    fn check(names: &[&str], query: &str, fault: Option<&str>) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let (features, unknown) = Features::parse(&names);
        assert_eq!(unknown, Vec::<&str>::new());
        let parsed = Engine::new(features.apply(EngineOptions::default())).parse(query);
        let error = parsed.err().map(|error| error.to_string());
        match fault {
            Some(fault) => assert!(error.as_ref().is_some_and(|error| error.contains(fault)), "{error:?}"),
            None => assert_eq!(error, None),
        }
    }

    #[test]
    fn each_name_opens_its_part_of_the_language() {
        let cases = [
            (
                "promql-experimental-functions",
                "limitk(1, up)",
                "limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
            ),
            (
                "promql-experimental-functions",
                "sort_by_label(up, \"job\")",
                "function \"sort_by_label\" is not enabled",
            ),
            ("promql-duration-expr", "rate(up[2m * 2])", "not enabled"),
            (
                "promql-extended-range-selectors",
                "rate(up[5m] anchored)",
                "experimental and not enabled",
            ),
            (
                "promql-binop-fill-modifiers",
                "a + fill(0) b",
                "experimental and not enabled",
            ),
        ];
        for (name, query, fault) in cases {
            check(&[], query, Some(fault));
            check(&[name], query, None);
        }
    }

    #[test]
    fn what_is_not_syntax_reaches_the_engine() {
        let names = ["promql-delayed-name-removal".to_owned()];
        let on = Features::parse(&names).0.apply(EngineOptions::default());
        let off = Features::default().apply(EngineOptions::default());
        assert_eq!(on.delayed_name_removal, Feature::Enabled);
        assert_eq!(off.delayed_name_removal, Feature::Disabled);
        assert_eq!(on.start_timestamps, Feature::Disabled);
    }

    #[test]
    fn names_that_mean_nothing_are_told() {
        let names = ["native-histograms", " ", "promql-tyop"].map(ToOwned::to_owned);
        assert_eq!(Features::parse(&names), (Features::default(), vec!["promql-tyop"]));
    }
}
