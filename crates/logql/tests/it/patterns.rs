//! Pattern expressions, regular expressions, extraction paths, address filters.

use serde_json::{Value, json};
use skopos_logql::parse;
use skopos_logql::pattern::{self, Node, Pattern};
use skopos_logql::pipeline::{Pipeline, Segment, parse_json_path, parse_logfmt_key};

use crate::stages::{accepts, accepts_query};
use crate::suite::{run, text};

#[test]
fn patterns_capture_and_match() {
    run("pattern_match", &[], |case| {
        let line = text(case, "line");
        let pattern = Pattern::for_parser(text(case, "pattern"))?;
        let captures = json!(pattern.captures(line));
        let full = json!(pattern.matches(line));
        if captures == case["captures"] && full == case["full_match"] {
            Ok(())
        } else {
            Err(format!("{case}: {captures} {full}"))
        }
    });
}

#[test]
fn patterns_are_checked() {
    run("pattern_syntax", &[], |case| {
        let source = text(case, "pattern");
        let nodes = pattern::parse(source);
        let checked = match text(case, "use") {
            "parser" => Pattern::for_parser(source).map(|_| ()),
            "line_filter" => Pattern::for_filter(source).map(|_| ()),
            "literals" => {
                let literals: Vec<&str> = nodes
                    .iter()
                    .filter_map(|node| match node {
                        Node::Literal(text) => Some(text.as_str()),
                        Node::Capture(_) => None,
                    })
                    .collect();
                assert_eq!(json!(literals), case["literals"]);
                Ok(())
            }
            _ => {
                let shown: Vec<Value> = nodes
                    .iter()
                    .map(|node| match node {
                        Node::Literal(text) => json!({"literals": text}),
                        Node::Capture(name) => json!({"capture": name}),
                    })
                    .collect();
                assert_eq!(json!(shown), case["nodes"]);
                Ok(())
            }
        };
        match (checked, case["error"].as_str()) {
            (Ok(()), None) => Ok(()),
            (Err(error), Some(wanted)) if error == wanted => Ok(()),
            (got, _) => Err(format!("{case}: {got:?}")),
        }
    });
}

#[test]
fn extraction_paths_are_checked() {
    run("extraction_exprs", &[], |case| {
        let source = text(case, "expr");
        let parsed = if text(case, "lang") == "json" {
            parse_json_path(source)
        } else {
            parse_logfmt_key(source).map(|key| vec![Segment::Key(key)])
        };
        match (parsed, case["error"].as_str()) {
            (Ok(path), None) => {
                let shown: Vec<Value> = path
                    .iter()
                    .map(|segment| match segment {
                        Segment::Key(key) => json!(key),
                        Segment::Index(index) => json!(index),
                    })
                    .collect();
                if json!(shown) == case["path"] {
                    Ok(())
                } else {
                    Err(format!("{case}: {shown:?}"))
                }
            }
            (Err(error), Some(wanted)) if error.contains(wanted) => Ok(()),
            (got, _) => Err(format!("{case}: {got:?}")),
        }
    });
}

#[test]
fn simplified_expressions_agree_with_plain_ones() {
    const LINES: [&str; 15] = [
        "foo",
        "foobar",
        "bar",
        "foobuzz",
        "buzz",
        "f",
        "  ",
        "fba",
        "foofoofoo",
        "b",
        "foob",
        "bfoo",
        "FoO",
        "foo, 世界",
        "fooÏbar",
    ];
    run("regex_simplify", &[], |case| {
        let source = text(case, "regex");
        let op = if case["positive"] == json!(true) { "|~" } else { "!~" };
        let plain = regex::Regex::new(source).map_err(|error| error.to_string())?;
        for line in LINES {
            let wanted = plain.is_match(line) == (op == "|~");
            if accepts(&format!("{op} `{source}`"), line)? != wanted {
                return Err(format!("{source} {op} {line}"));
            }
        }
        Ok(())
    });
}

#[test]
fn any_case_is_found() {
    run("contains_case_insensitive", &[], |case| {
        let filter = format!("|~ {:?}", format!("(?i){}", regex::escape(text(case, "substr"))));
        let got = accepts(&filter, text(case, "line"))?;
        if json!(got) == case["match"] {
            Ok(())
        } else {
            Err(format!("{case}"))
        }
    });
}

#[test]
fn regexp_stages_need_named_groups() {
    run("regexp_stage_validity", &[], |case| {
        let parsed = parse(&format!("{{a=\"b\"}} | regexp `{}`", text(case, "regex")));
        if json!(parsed.is_err()) == case["error"] {
            Ok(())
        } else {
            Err(format!("{case}: {parsed:?}"))
        }
    });
}

#[test]
fn lines_pass_their_filters() {
    run("line_filters", &[], |case| {
        let query = text(case, "query");
        for line in case["lines"].as_array().into_iter().flatten() {
            if json!(accepts_query(query, text(line, "line"))?) != line["match"] {
                return Err(format!("{query}: {line}"));
            }
        }
        Ok(())
    });
}

#[test]
fn addresses_are_found() {
    run("ip_filters", &[], |case| {
        let fails = case["error"] == json!(true);
        let tail = match case["pattern"].as_str() {
            Some(pattern) => format!("|= ip({pattern:?})"),
            None => text(case, "query_tail").to_owned(),
        };
        let log = skopos_logql::parse_log(&format!("{{a=\"b\"}} {tail}")).map_err(|error| error.to_string());
        let pipeline = log.and_then(|log| Pipeline::compile(&log.stages).map_err(|error| error.to_string()));
        if pipeline.is_err() || fails {
            return if pipeline.is_err() == fails {
                Ok(())
            } else {
                Err(format!("{case}"))
            };
        }
        for line in case["lines"].as_array().into_iter().flatten() {
            if json!(accepts(&tail, text(line, "line"))?) != line["match"] {
                return Err(format!("{tail}: {line}"));
            }
        }
        if case["match"].is_boolean() {
            let (passes, ..) = crate::stages::apply(case, &tail)?;
            return if json!(passes) == case["match"] {
                Ok(())
            } else {
                Err(format!("{case}"))
            };
        }
        Ok(())
    });
}
