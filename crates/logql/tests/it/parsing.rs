//! Parser, lexer, printer and prettifier.

use serde_json::{Map, Value, json};
use skopos_core::Matcher;
use skopos_logql::ast::{
    Cardinality, Expr, Extraction, Grouping, LabelFilter, LabelFormatValue, LineFilter, LineOperand, LogExpr,
    MetricExpr, Quantity, RangeExpr, Stage,
};
use skopos_logql::{parse, prettify, token_names};

use crate::suite::{run, text};

#[test]
fn valid_queries_parse_to_their_trees() {
    let known = [(
        "parse-ae8e76b147",
        "the neutral tree keeps arithmetic between literals, which the parser folds like Loki's",
    )];
    run("parse_valid", &known, |case| {
        let query = text(case, "query");
        let expr = parse(query).map_err(|error| format!("{query}: {error}"))?;
        let kind = if matches!(expr, Expr::Log(_)) { "log" } else { "metric" };
        if kind != text(case, "kind") {
            return Err(format!("{query}: is {kind}"));
        }
        if let Some(canonical) = case["canonical"].as_str()
            && expr.to_string() != canonical
        {
            return Err(format!("{query}: printed as {expr}"));
        }
        if case["ast"].is_object()
            && !same(
                &without_empty_grouping(tree(&expr)),
                &without_empty_grouping(case["ast"].clone()),
            )
        {
            return Err(format!("{query}:\n got {}\nwant {}", tree(&expr), case["ast"]));
        }
        let printed = expr.to_string();
        match parse(&printed) {
            // Folded literals may be NaN, which has no notation.
            _ if printed == "NaN" => Ok(()),
            Ok(again) if again == expr => Ok(()),
            Ok(again) => Err(format!("{query}: printed as {printed}, which reads as {again}")),
            Err(error) => Err(format!("{query}: printed as {printed}: {error}")),
        }
    });
}

#[test]
fn invalid_queries_are_refused_in_lokis_words() {
    run("parse_invalid", &[], |case| {
        let query = text(case, "query");
        let Err(error) = parse(query) else {
            return Err(format!("{query}: parses"));
        };
        let wanted = text(case, "error");
        let place = |field: &str| case[field].as_u64().map(|n| n as usize);
        let fits = if text(case, "match") == "contains" || case["line"].is_null() {
            error.message.contains(wanted)
        } else {
            error.message == wanted && Some(error.line) == place("line") && Some(error.column) == place("col")
        };
        if fits {
            Ok(())
        } else {
            Err(format!("{query}: {error:?}, not {case}"))
        }
    });
}

#[test]
fn tokens_are_cut_as_in_the_reference() {
    run("lex", &[], |case| {
        let input = text(case, "input");
        let wanted: Vec<&str> = case["tokens"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        // Inputs may end in a broken text; what stands before it counts.
        let names = match token_names(input) {
            Ok(names) => names,
            Err(_) => token_names(input.trim_end_matches('"')).map_err(|error| error.to_string())?,
        };
        if names == wanted {
            Ok(())
        } else {
            Err(format!("{input}: {names:?}, not {wanted:?}"))
        }
    });
}

#[test]
fn durations_have_their_lengths() {
    run("durations", &[], |case| {
        let ns = skopos_logql::duration::parse(text(case, "input"))?;
        if Some(ns) == case["ns"].as_i64() {
            Ok(())
        } else {
            Err(format!("{case}: {ns}"))
        }
    });
}

#[test]
fn words_are_functions_only_before_a_call() {
    run("function_lookahead", &[], |case| {
        let names = token_names(&format!("rate {}", text(case, "next"))).map_err(|error| error.to_string())?;
        let is_function = names[0] == "RATE";
        if Some(is_function) == case["is_function"].as_bool() {
            Ok(())
        } else {
            Err(format!("{case}: {names:?}"))
        }
    });
}

#[test]
fn long_queries_are_laid_out() {
    run("prettify", &[], |case| {
        let expr = parse(text(case, "query")).map_err(|error| error.to_string())?;
        let pretty = prettify(&expr, 20);
        if pretty == text(case, "pretty") {
            Ok(())
        } else {
            Err(format!("{case}:\n{pretty}"))
        }
    });
}

/// Compares trees with numbers as floats.
fn same(got: &Value, want: &Value) -> bool {
    match (got, want) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        _ => got == want,
    }
}

/// Aggregations by no label are given with and without `by ()` for one text.
fn without_empty_grouping(mut tree: Value) -> Value {
    match &mut tree {
        Value::Object(fields) => {
            if fields.contains_key("vector_agg") && fields.get("grouping") == Some(&json!({"by": []})) {
                fields.remove("grouping");
            }
            for value in fields.values_mut() {
                *value = without_empty_grouping(value.take());
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| *item = without_empty_grouping(item.take())),
        _ => {}
    }
    tree
}

fn tree(expr: &Expr) -> Value {
    match expr {
        Expr::Log(log) => Value::Object(log_tree(log)),
        Expr::Metric(metric) => metric_tree(metric),
    }
}

fn matcher(matcher: &Matcher) -> Value {
    json!({"name": matcher.name(), "op": matcher.op().as_str(), "value": matcher.value()})
}

fn log_tree(log: &LogExpr) -> Map<String, Value> {
    let mut out = Map::new();
    out.insert("selector".into(), log.matchers.iter().map(matcher).collect());
    if !log.stages.is_empty() {
        out.insert("stages".into(), log.stages.iter().map(stage).collect());
    }
    out
}

fn stage(stage: &Stage) -> Value {
    match stage {
        Stage::LineFilter(filter) => json!({"line_filter": line_filter(filter)}),
        Stage::Json(extract) => parser("json", extract, &[]),
        Stage::Logfmt(logfmt) => {
            let mut flags = Vec::new();
            flags.extend(logfmt.strict.then_some("--strict"));
            flags.extend(logfmt.keep_empty.then_some("--keep-empty"));
            parser("logfmt", &logfmt.extract, &flags)
        }
        Stage::Regexp(pattern) => json!({"parser": "regexp", "arg": pattern}),
        Stage::Pattern(pattern) => json!({"parser": "pattern", "arg": pattern}),
        Stage::Unpack => json!({"parser": "unpack"}),
        Stage::LabelFilter(filter) => json!({"label_filter": label_filter(filter)}),
        Stage::LineFormat(template) => json!({"line_format": template}),
        Stage::LabelFormat(formats) => {
            let formats: Vec<Value> = formats
                .iter()
                .map(|format| match &format.value {
                    LabelFormatValue::Rename(from) => json!({"label": format.name, "from_label": from}),
                    LabelFormatValue::Template(text) => json!({"label": format.name, "template": text}),
                })
                .collect();
            json!({"label_format": formats})
        }
        Stage::Decolorize => json!({"decolorize": true}),
        Stage::Drop(refs) => json!({"drop": refs.len()}),
        Stage::Keep(refs) => json!({"keep": refs.len()}),
    }
}

fn parser(name: &str, extract: &[Extraction], flags: &[&str]) -> Value {
    let mut out = Map::from_iter([("parser".to_owned(), json!(name))]);
    if !extract.is_empty() {
        let list: Vec<Value> = extract
            .iter()
            .map(|e| json!({"label": e.label, "expr": e.path}))
            .collect();
        out.insert("extract".into(), json!(list));
    }
    if !flags.is_empty() {
        out.insert("flags".into(), json!(flags));
    }
    Value::Object(out)
}

fn line_filter(filter: &LineFilter) -> Value {
    let mut operands = filter.operands.iter().map(|operand| match operand {
        LineOperand::Text(text) => json!({"op": filter.op.as_str(), "value": text}),
        LineOperand::Ip(pattern) => json!({"op": filter.op.as_str(), "value": pattern, "fn": "ip"}),
    });
    let mut first = operands.next().expect("a filter has an operand");
    let others: Vec<Value> = operands.collect();
    if !others.is_empty() {
        first["or"] = json!(others);
    }
    first
}

fn label_filter(filter: &LabelFilter) -> Value {
    match filter {
        LabelFilter::Matcher(inner) => matcher(inner),
        LabelFilter::Compare { name, op, value } => {
            let (key, amount) = match value {
                Quantity::Number(number) => ("number", json!(number)),
                Quantity::DurationNs(ns) => ("duration_s", json!(*ns as f64 / 1e9)),
                Quantity::Bytes(bytes) => ("bytes", json!(bytes)),
            };
            json!({"name": name, "op": op.as_str(), key: amount})
        }
        LabelFilter::Ip { name, negated, pattern } => {
            json!({"name": name, "op": if *negated { "!=" } else { "==" }, "ip": pattern})
        }
        LabelFilter::And(left, right) => json!({"and": [label_filter(left), label_filter(right)]}),
        LabelFilter::Or(left, right) => json!({"or": [label_filter(left), label_filter(right)]}),
    }
}

fn grouping(grouping: &Grouping) -> Value {
    json!({if grouping.without { "without" } else { "by" }: grouping.labels})
}

fn range_tree(range: &RangeExpr) -> Value {
    let mut log = log_tree(&range.log);
    log.insert("range_s".into(), json!(range.range_ns as f64 / 1e9));
    if range.offset_ns != 0 {
        log.insert("offset_s".into(), json!(range.offset_ns as f64 / 1e9));
    }
    if let Some(unwrap) = &range.unwrap {
        let mut out = json!({"label": unwrap.label});
        if !unwrap.conversion.as_str().is_empty() {
            out["conv"] = json!(unwrap.conversion.as_str());
        }
        if !unwrap.post_filters.is_empty() {
            out["post_filters"] = unwrap.post_filters.iter().map(label_filter).collect();
        }
        log.insert("unwrap".into(), out);
    }
    let mut out = json!({"range_agg": range.op.as_str(), "log": log});
    if let Some(param) = range.param {
        out["param"] = json!(param);
    }
    if let Some(by) = &range.grouping {
        out["grouping"] = grouping(by);
    }
    out
}

fn metric_tree(metric: &MetricExpr) -> Value {
    match metric {
        MetricExpr::Literal(value) => json!({"number": value}),
        MetricExpr::Vector(value) => json!({"vector": value}),
        MetricExpr::Range(range) => range_tree(range),
        MetricExpr::Aggregate(aggregate) => {
            let mut out = json!({"vector_agg": aggregate.op.as_str(), "expr": metric_tree(&aggregate.expr)});
            if let Some(param) = aggregate.param {
                out["param"] = json!(param);
            }
            if let Some(by) = &aggregate.grouping {
                out["grouping"] = grouping(by);
            }
            out
        }
        MetricExpr::Binary(binary) => {
            let matching = &binary.matching;
            let mut out = json!({
                "binop": binary.op.as_str(), "lhs": metric_tree(&binary.left), "rhs": metric_tree(&binary.right),
            });
            if binary.return_bool {
                out["bool"] = json!(true);
            }
            if matching.on || !matching.labels.is_empty() {
                out[if matching.on { "on" } else { "ignoring" }] = json!(matching.labels);
            }
            match matching.cardinality {
                Cardinality::OneToOne => {}
                Cardinality::ManyToOne => out["card"] = json!("many-to-one"),
                Cardinality::OneToMany => out["card"] = json!("one-to-many"),
            }
            if !matching.include.is_empty() {
                out["include"] = json!(matching.include);
            }
            out
        }
        MetricExpr::LabelReplace(replace) => json!({
            "label_replace": {
                "dst": replace.destination, "replacement": replace.replacement,
                "src": replace.source, "regex": replace.regex,
            },
            "expr": metric_tree(&replace.expr),
        }),
    }
}
