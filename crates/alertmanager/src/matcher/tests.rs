//! Matchers: grammar, printing, matching.

use proptest::prelude::*;
use skopos_core::Labels;

use super::*;

fn parse(mode: ParserMode, input: &str) -> Result<String, String> {
    let (matchers, _) = mode.parse(input).map_err(|error| error.to_string())?;
    let printed: Vec<String> = matchers.iter().map(ToString::to_string).collect();
    Ok(printed.join(" "))
}

fn check(mode: ParserMode, input: &str, wanted: Result<&str, &str>) {
    let wanted = wanted.map(str::to_owned).map_err(str::to_owned);
    assert_eq!(parse(mode, input), wanted, "{input}");
}

#[test]
fn utf8_errors_name_their_columns() {
    for (input, error) in [
        ("{foo=bar", "0:8: end of input: expected close brace"),
        (
            "{foo=:\"bar\"}",
            "6:11: unexpected \"bar\": expected a comma or close brace",
        ),
        (
            "{foo=bar\\n}",
            "8:9: \\: invalid input: expected a comma or close brace",
        ),
        ("{\"foo\"=\"\\xf0\\x9f\"}", "7:17: \"\\xf0\\x9f\": invalid input"),
        (
            "foo",
            "end of input: expected an operator such as '=', '!=', '=~' or '!~'",
        ),
        ("foo=", "end of input: expected label value"),
        (
            "foo!",
            "3:4: unexpected end of input, expected one of '=~': expected an operator such as '=', '!=', '=~' or '!~'",
        ),
        (
            "foo!!=a",
            "3:4: !: expected one of '=~': expected an operator such as '=', '!=', '=~' or '!~'",
        ),
        ("foo=\"bar", "4:8: \"bar: missing end \": expected label value"),
        ("foo=a bar=b", "6:9: unexpected bar: expected a comma or close brace"),
        (
            "foo=a,=",
            "6:7: unexpected =: expected a matcher or close brace after comma",
        ),
        ("{}{}", "2:3: {: expected end of input"),
        (
            "🙂=a,,",
            "4:5: unexpected ,: expected a matcher or close brace after comma",
        ),
    ] {
        check(ParserMode::Utf8Strict, input, Err(error));
    }
}

#[test]
fn empty_input_holds_no_matchers() {
    for mode in [ParserMode::Utf8Strict, ParserMode::Classic, ParserMode::Fallback] {
        check(mode, "", Ok(""));
        check(mode, "{}", Ok(""));
    }
}

#[test]
fn the_fallback_warns_where_the_grammars_differ() {
    let warning = |input: &str| ParserMode::Fallback.parse(input).expect(input).1;
    assert_eq!(warning("foo=bar"), None);
    assert_eq!(warning("foo🙂=bar"), None);
    assert_eq!(
        warning("foo=!bar"),
        Some(ParseWarning::Incompatible {
            input: "foo=!bar".to_owned(),
            error: "4:5: !: expected one of '=~': expected label value".to_owned(),
            suggestion: "foo=\"!bar\"".to_owned(),
        })
    );
    assert_eq!(
        warning("foo=\"\\x41\""),
        Some(ParseWarning::Disagreement {
            input: "foo=\"\\x41\"".to_owned()
        })
    );
}

#[test]
fn filters_are_single_matchers_without_braces() {
    let one = |mode: ParserMode, input: &str| mode.parse_one(input).map(|(matcher, _)| matcher.to_string());
    assert_eq!(one(ParserMode::Fallback, "a=b"), Ok("a=\"b\"".to_owned()));
    assert_eq!(
        one(ParserMode::Fallback, "{a=b}"),
        Err(MatcherError::Brace("{a=b}".to_owned()))
    );
    assert_eq!(one(ParserMode::Utf8Strict, "a=b,c=d"), Err(MatcherError::Several(2)));
    assert_eq!(one(ParserMode::Utf8Strict, ""), Err(MatcherError::None));
    // The classic parser takes the comma into the value.
    assert_eq!(one(ParserMode::Fallback, "a=b,c=d"), Ok("a=\"b,c=d\"".to_owned()));
    assert_eq!(one(ParserMode::Classic, "a=b}"), Ok("a=\"b}\"".to_owned()));
}

#[test]
fn names_are_quoted_only_where_they_must_be() {
    let printed = |name: &str, value: &str| Matcher::equal(name, value).to_string();
    assert_eq!(printed("foo.bar", "a\"\\\n\t"), "foo.bar=\"a\\\"\\\\\\n\t\"");
    assert_eq!(printed("foo bar", "a\t"), "\"foo bar\"=\"a\\t\"");
}

#[test]
fn absent_labels_are_empty_and_patterns_are_anchored() {
    let labels = Labels::from_pairs([("a", "foo"), ("b", "x\ny")]);
    for (input, wanted) in [
        ("c=\"\"", true),
        ("c!=\"x\"", true),
        ("c=~\".*\"", true),
        ("c=~\".+\"", false),
        ("a=~\"fo\"", false),
        ("a=~\"fo|foo\"", true),
        ("a!~\"fo\"", true),
        ("b=~\"x.y\"", false),
        ("b=~\"(?s)x.y\"", true),
        ("a=~\"fo{1,2}o?\"", true),
        ("a!~\"{foo}\"", true),
        ("a=foo,c!=\"\"", false),
    ] {
        let (matchers, _) = ParserMode::Utf8Strict.parse(input).expect(input);
        assert_eq!(Matchers::new(matchers).matches(&labels), wanted, "{input}");
    }
}

#[test]
fn broken_patterns_are_refused_in_go_s_words() {
    for mode in [ParserMode::Utf8Strict, ParserMode::Classic, ParserMode::Fallback] {
        let error = parse(mode, "a=~\"(\"").expect_err("an open group");
        assert!(error.contains("error parsing regexp: "), "{error}");
    }
}

#[test]
fn a_list_is_sorted_by_name_value_and_operator() {
    let (matchers, _) = ParserMode::Utf8Strict
        .parse("b=2,a=~2,a!=1,a=1,\"a b\"=3")
        .expect("matchers");
    assert_eq!(
        Matchers::new(matchers).to_string(),
        "{a=\"1\",a!=\"1\",a=~\"2\",\"a b\"=\"3\",b=\"2\"}"
    );
}

fn op() -> impl Strategy<Value = MatchOp> {
    prop::sample::select(vec![
        MatchOp::Equal,
        MatchOp::NotEqual,
        MatchOp::Regex,
        MatchOp::NotRegex,
    ])
}

fn matcher(op: MatchOp, name: &str, value: &str) -> Matcher {
    let pattern = regex::escape(value);
    let is_regex = matches!(op, MatchOp::Regex | MatchOp::NotRegex);
    Matcher::new(op, name, if is_regex { &pattern } else { value }).expect("an escaped pattern compiles")
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(op in op(), name in "\\PC{1,8}|[a-z ]{1,5}|.{1,4}", value in ".{0,12}|[\"\\\\\n,{} ]{0,9}") {
        let matcher = matcher(op, &name, &value);
        let (read, warning) = ParserMode::Utf8Strict.parse(&matcher.to_string()).expect("what is printed reads back");
        prop_assert_eq!(&read, &vec![matcher]);
        prop_assert_eq!(warning, None);
    }

    #[test]
    fn what_is_printed_means_the_same_to_all(op in op(), name in "[a-z_][a-z0-9_]{0,5}", value in ".{0,12}|[\"\\\\\n,{} ]{0,9}") {
        let matchers = Matchers::new(vec![matcher(op, &name, &value), Matcher::equal("z", "1")]);
        for mode in [ParserMode::Classic, ParserMode::Fallback] {
            let (read, warning) = mode.parse(&matchers.to_string()).expect("what is printed reads back");
            prop_assert_eq!(&Matchers::new(read), &matchers);
            prop_assert_eq!(warning, None);
        }
    }

    #[test]
    fn no_input_panics(input in ".{0,40}|[a{}=!~,\\\\\" \n🙂]{0,20}") {
        for mode in [ParserMode::Utf8Strict, ParserMode::Classic, ParserMode::Fallback] {
            let parsed = mode.parse(&input);
            prop_assert_eq!(parsed.is_ok(), mode.parse(&input).is_ok());
            prop_assert!(mode.parse_one(&input).is_err() || parsed.is_ok() || mode == ParserMode::Classic || mode == ParserMode::Fallback);
        }
    }
}
