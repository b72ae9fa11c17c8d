//! Stages on one line: labels, line and whether it passes.

use serde_json::{Value, json};
use skopos_core::Labels;
use skopos_logql::labels::EntryLabels;
use skopos_logql::parse_log;
use skopos_logql::pipeline::{Pipeline, sanitize_label_key};

use crate::suite::{pairs, run, text};

fn compile(query: &str) -> Result<Pipeline, String> {
    let log = parse_log(query).map_err(|error| format!("{query}: {error}"))?;
    Pipeline::compile(&log.stages).map_err(|error| format!("{query}: {error}"))
}

/// Whether a line without labels passes the stages.
pub(crate) fn accepts(stages: &str, line: &str) -> Result<bool, String> {
    accepts_query(&format!("{{app=\"bar\"}} {stages}"), line)
}

/// Whether a line of `{app="bar"}` passes the query's stages.
pub(crate) fn accepts_query(query: &str, line: &str) -> Result<bool, String> {
    let pipeline = compile(query)?;
    let mut labels = EntryLabels::default();
    labels.reset(&Labels::from_pairs([("app", "bar")]), &Labels::empty());
    Ok(pipeline.accepts_line(line) && pipeline.run(0, line, &mut labels).is_some())
}

type Applied = (bool, String, Vec<(String, String)>);

/// Runs stages on the case's line: whether it passes, the line, its labels.
pub(crate) fn apply(case: &Value, stages: &str) -> Result<Applied, String> {
    let fields = if text(case, "query_tail").is_empty() {
        "stream"
    } else {
        "labels"
    };
    let stream = &case[fields];
    let pipeline = compile(&format!("{{a=\"b\"}} {stages}"))?;
    let mut labels = EntryLabels::default();
    labels.reset(
        &Labels::from_pairs(pairs(stream)),
        &Labels::from_pairs(pairs(&case["metadata"])),
    );
    // Cases of label_format leave out the line that they were made with.
    let line = case["line"].as_str().unwrap_or("test line");
    let out = if pipeline.accepts_line(line) {
        pipeline.run(
            case["ts_ns"].as_i64().unwrap_or(1_661_518_453_000_000_000),
            line,
            &mut labels,
        )
    } else {
        None
    };
    let all = labels.all().iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    Ok((
        out.is_some(),
        out.map(std::borrow::Cow::into_owned).unwrap_or_default(),
        all,
    ))
}

/// Stages that fail, to start from a line with an error.
fn with_error(case: &Value, stages: &str) -> String {
    match text(case, "error_before") {
        "" => stages.to_owned(),
        "JSONParserErr" => format!("| json {stages}"),
        other => panic!("unknown error {other}"),
    }
}

fn check(case: &Value) -> Result<(), String> {
    let stages = with_error(case, text(case, "stage"));
    let (passes, line, mut labels) = apply(case, &stages)?;
    if !case["keep"].is_null() && json!(passes) != case["keep"] {
        return Err(format!("{case}: passes {passes}"));
    }
    if let Some(wanted) = case["out_line"].as_str()
        && wanted != line
    {
        return Err(format!("{case}: line {line:?}"));
    }
    if case["labels"].is_object() {
        let wanted = pairs(&case["labels"]);
        if !wanted.iter().any(|(name, _)| name == "__error_details__") {
            labels.retain(|(name, _)| name != "__error_details__");
        }
        if labels != wanted {
            return Err(format!("{case}:\n got {labels:?}"));
        }
    }
    Ok(())
}

#[test]
fn json() {
    let known = [(
        "json-84fc4b775c",
        "`bool` is a keyword, and no label in the grammar either",
    )];
    run("stage_json", &known, check);
}

#[test]
fn logfmt() {
    run("stage_logfmt", &[], check);
}

#[test]
fn regexp_pattern_and_unpack() {
    run("stage_regexp_pattern_unpack", &[], check);
}

#[test]
fn line_format_and_decolorize() {
    run("line_format", &[], check);
}

#[test]
fn label_format() {
    run("label_format", &[], |case| match case["error"].as_bool() {
        Some(fails) if compile(&format!("{{a=\"b\"}} {}", text(case, "stage"))).is_err() == fails => Ok(()),
        Some(_) => Err(format!("{case}")),
        None => check(case),
    });
}

#[test]
fn label_filters() {
    run("label_filters", &[], check);
}

#[test]
fn drop_and_keep() {
    let reason = "`keep` without labels is a syntax error; the case calls the stage itself";
    run(
        "drop_keep",
        &[("dropkeep-b1806aba75", reason), ("dropkeep-7fa04351d9", reason)],
        check,
    );
}

#[test]
fn template_functions() {
    let reason = "templates are run, not searched for the labels they read";
    let known = ["de7d90d5e3", "a3c2e43940", "17aa63b955", "350f22275a", "8b3dbb9daa"].map(|id| format!("tmplfn-{id}"));
    let known: Vec<(&str, &str)> = known.iter().map(|id| (id.as_str(), reason)).collect();
    run("template_functions", &known, |case| {
        let arguments: Vec<&Value> = case["args"].as_array().into_iter().flatten().collect();
        let got = match text(case, "func") {
            "required_labels" => return Err("the compiled template does not list labels".to_owned()),
            "sanitize_label_key" => sanitize_label_key(arguments[0].as_str().unwrap_or(""), true),
            name => {
                let shown: Vec<String> = arguments.iter().map(ToString::to_string).collect();
                let line_case = json!({"line": "", "stream": {}});
                apply(
                    &line_case,
                    &format!("| line_format `{{{{ {name} {} }}}}`", shown.join(" ")),
                )?
                .1
            }
        };
        if got == text(case, "want") {
            Ok(())
        } else {
            Err(format!("{case}: {got:?}"))
        }
    });
}
