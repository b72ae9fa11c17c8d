//! Random and hostile input: no panic, bounded output, and the second time changes nothing.

use proptest::prelude::*;
use serde_json::{Value, json};
use skopos_pii::{DataScrubbing, PiiConfig, Scrubber, Selector, ServiceFilter};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
        "[a-z_]{1,10}[=: ]{1,2}[\"'\\\\{\\[]{0,3}[a-zA-Z0-9%+/=.:@-]{0,60}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-zA-Z_.-]{0,12}|password|user_id|token", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn scrubbing_twice_is_scrubbing_once(value in value()) {
        let filter = ServiceFilter::strict();
        let mut once = value;
        filter.scrub(&mut once);
        let mut twice = once.clone();
        filter.scrub(&mut twice);
        prop_assert_eq!(twice, once);
    }

    #[test]
    fn texts_of_signs_do_no_harm(text in "[\\\\\"'{}\\[\\]:=%/+@ a-fA-F0-9._-]{0,200}") {
        let filter = ServiceFilter::strict();
        let once = filter.scrub_text(&format!("password{text}")).into_owned();
        prop_assert!(once.len() <= 64 * 1024);
    }

    #[test]
    fn events_of_any_form_are_walked(event in value(), selector in "[$a-z.*!&|() ']{0,20}") {
        let scrubber = Scrubber::for_project(&DataScrubbing::default()).expect("the default rules are sound");
        let scrubbed = scrubber.scrub_event(event);
        prop_assert!(scrubbed.event.is_object());
        // Any text is either a selector or told to be none.
        if let Ok(read) = Selector::parse(&selector) {
            prop_assert_eq!(read.to_string(), selector);
        }
    }
}

#[test]
fn long_texts_are_cut_behind_what_was_looked_at() {
    let filter = ServiceFilter::strict();
    let text = format!("{} password=hunter2", "lorem ipsum ".repeat(20_000));
    let once = filter.scrub_text(&text).into_owned();
    assert!(once.len() <= 64 * 1024 && once.ends_with("[CUT]"));
    assert!(!once.contains("hunter2"));
    assert_eq!(filter.scrub_text(&once), once);
}

#[test]
fn deep_values_end_somewhere() {
    let mut value = json!({ "password": "hunter2" });
    for _ in 0..100 {
        value = json!([value]);
    }
    ServiceFilter::strict().scrub(&mut value);
    assert!(!value.to_string().contains("hunter2"));
    let scrubber = Scrubber::for_project(&DataScrubbing::default()).expect("the default rules are sound");
    let event = (0..300).fold(json!("hunter2"), |value, _| json!([value]));
    let scrubbed = scrubber.scrub_event(json!({ "extra": { "a": event } }));
    assert!(!scrubbed.event.to_string().contains("hunter2"));
}

#[test]
fn every_built_in_rule_compiles() {
    let kinds = [
        "anything",
        "ip",
        "imei",
        "mac",
        "uuid",
        "email",
        "creditcard",
        "iban",
        "pemkey",
        "urlauth",
        "usssn",
        "userpath",
        "password",
    ];
    let redactions = ["", ":remove", ":replace", ":filter", ":mask", ":hash"];
    let names = kinds
        .iter()
        .flat_map(|kind| redactions.map(|redaction| format!("@{kind}{redaction}")));
    for name in names.chain(["@common".to_owned(), "@urlauth:legacy".to_owned()]) {
        let config = PiiConfig {
            applications: [("$string".to_owned(), vec![name.clone()])].into(),
            ..PiiConfig::default()
        };
        assert!(Scrubber::new(&config).is_ok(), "{name}");
    }
}

#[test]
fn configurations_that_cannot_be_meant_are_told() {
    let cases = [
        (
            json!({ "applications": { "$string": ["@nothing"] } }),
            "neither in `rules` nor built in",
        ),
        (json!({ "applications": { "$strin": ["@ip"] } }), "the type is unknown"),
        (
            json!({ "applications": { "(a": ["@ip"] } }),
            "a closing parenthesis is missing",
        ),
        (
            json!({ "rules": { "a": { "type": "alias", "rule": "a" } }, "applications": { "$string": ["a"] } }),
            "leads to itself",
        ),
        (
            json!({ "rules": { "a": { "type": "pattern", "pattern": "(" } }, "applications": { "$string": ["a"] } }),
            "unclosed group",
        ),
    ];
    for (config, words) in cases {
        let config: PiiConfig = serde_json::from_value(config).expect("of the form");
        let error = Scrubber::new(&config).expect_err("is wrong").to_string();
        assert!(error.contains(words), "{error}");
    }
}
