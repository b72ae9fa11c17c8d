//! Broken, mutated and nested queries never panic, and lines never break a pipeline.

use std::sync::OnceLock;

use proptest::prelude::*;
use skopos_core::{Labels, QueryBudget};
use skopos_logql::labels::EntryLabels;
use skopos_logql::pipeline::Pipeline;
use skopos_logql::{Engine, InstantQuery, parse, parse_log, prettify};

use crate::source::Lines;
use crate::suite::{cases, text};

fn queries() -> &'static [String] {
    static QUERIES: OnceLock<Vec<String>> = OnceLock::new();
    QUERIES.get_or_init(|| {
        cases("parse_valid")
            .iter()
            .map(|case| text(case, "query").to_owned())
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_queries_never_panic(pick in any::<prop::sample::Index>(), cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<char>(), 0u8..4), 0..6)) {
        let mut characters: Vec<char> = pick.get(queries()).chars().collect();
        for (at, c, how) in cuts {
            if characters.is_empty() { break; }
            let at = at.index(characters.len());
            match how {
                0 => { characters.remove(at); }
                1 => characters.insert(at, c),
                2 => characters[at] = c,
                _ => characters.truncate(at),
            }
        }
        let query: String = characters.into_iter().collect();
        if let Ok(expr) = parse(&query) {
            let printed = expr.to_string();
            // Folded literals may be NaN or infinite, which have no notation.
            if !printed.contains("NaN") && !printed.contains("Inf") {
            prop_assert_eq!(parse(&printed).map_err(|error| format!("{printed}: {error}")), Ok(expr.clone()));
            }
            prettify(&expr, 20);
        }
    }

    #[test]
    fn any_line_passes_through_every_parser(line in "\\PC*", odd in "[\\[\\]{}\":,=\\\\\\.0-9a-z ]{0,60}") {
        const STAGES: [&str; 9] = [
            "| json", "| json a=\"b.c[0]\"", "| logfmt", "| logfmt --strict --keep-empty", "| unpack",
            "| pattern \"<a> <b>=<_>\"", "| regexp `(?P<x>\\w+)`", "| decolorize", "|= ip(\"10.0.0.0/8\") |> `<_>a<_>`",
        ];
        for stages in STAGES {
            let log = parse_log(&format!("{{a=\"b\"}} {stages}")).expect("the stage is valid");
            let pipeline = Pipeline::compile(&log.stages).expect("the stage compiles");
            for line in [&line, &odd] {
                let mut labels = EntryLabels::default();
                labels.reset(&Labels::from_pairs([("a", "b")]), &Labels::empty());
                pipeline.accepts_line(line);
                pipeline.run(0, line, &mut labels);
            }
        }
    }
}

#[test]
fn nesting_is_bounded() {
    let deep =
        |open: &str, middle: &str, close: &str| format!("{}{middle}{}", open.repeat(20_000), close.repeat(20_000));
    for query in [
        deep("(", "1", ")"),
        deep("sum(", "1", ")"),
        deep("(", "{a=\"b\"}", ")"),
        format!("{{a=\"b\"}} | {}", deep("(", "a=1", ")")),
        format!("rate({}", deep("(", "{a=\"b\"}[1m]", ")")),
        "1 ^ ".repeat(20_000) + "1",
    ] {
        assert!(parse(&query).is_err(), "{}", &query[..40]);
    }
    assert!(parse(&("1 + ".repeat(20_000) + "1")).is_ok(), "a flat chain is folded");
    let nested = format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000));
    let time = InstantQuery {
        query: r#"count_over_time({a="b"} | json | __error__="" [1m])"#,
        time_ns: 1,
    };
    let mut lines = Lines::default();
    lines.push(&Labels::from_pairs([("a", "b")]), 1, &nested, &Labels::empty());
    Engine::default()
        .instant(&lines, &time, &QueryBudget::unbounded())
        .expect("runs");
}
