//! Property: a secret under any secret key, in any nesting and any encoding, never survives; and twice is once.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use serde_json::{Value, json};
use skopos_pii::ServiceFilter;

/// How a secret is written down; each form wraps the one before.
#[derive(Debug, Clone, Copy)]
enum Form {
    Object,
    List,
    JsonText,
    Base64,
    UrlSafe,
    Percent,
    Hex,
    Sentence,
}

fn form() -> impl Strategy<Value = Form> {
    prop_oneof![
        Just(Form::Object),
        Just(Form::List),
        Just(Form::JsonText),
        Just(Form::Base64),
        Just(Form::UrlSafe),
        Just(Form::Percent),
        Just(Form::Hex),
        Just(Form::Sentence),
    ]
}

fn key() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("password"),
        Just("dbPassword"),
        Just("api-key"),
        Just("X-Api-Key"),
        Just("access_token"),
        Just("Authorization"),
        Just("clientSecret"),
        Just("securityId"),
    ]
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn wrap(value: &Value, form: Form) -> Value {
    match form {
        Form::Object => json!({ "data": value, "n": 1 }),
        Form::List => json!(["first", value]),
        Form::JsonText => json!(value.to_string()),
        Form::Base64 => json!(STANDARD.encode(as_text(value))),
        Form::UrlSafe => json!(URL_SAFE_NO_PAD.encode(as_text(value))),
        Form::Percent => json!(utf8_percent_encode(&as_text(value), NON_ALPHANUMERIC).to_string()),
        Form::Hex => json!(hex::encode(as_text(value))),
        Form::Sentence => json!(format!("call failed with {} at last", as_text(value))),
    }
}

/// The secret in each single encoding in which a reader would look for it.
fn traces(secret: &str) -> Vec<String> {
    let mut traces = vec![secret.to_owned(), hex::encode(secret)];
    // Where a secret begins in a group of base64 is not known, so all three places are looked for.
    for padding in ["", "a", "ab"] {
        let encoded = STANDARD.encode(format!("{padding}{secret}"));
        let whole = encoded.trim_end_matches('=');
        traces.push(whole[4.min(whole.len())..whole.len() - 2].to_owned());
    }
    traces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn planted_secrets_never_survive(
        key in key(),
        secret in "[A-Za-z][A-Za-z0-9]{14,30}[0-9]",
        // Encodings that are undone inside one another are bounded; containers are not.
        forms in prop::collection::vec(form(), 0..3),
    ) {
        let mut value = forms.iter().fold(json!({ key: secret }), |value, form| wrap(&value, *form));
        let before = value.to_string();
        let filter = ServiceFilter::strict();
        filter.scrub(&mut value);
        let after = value.to_string();
        for trace in traces(&secret) {
            prop_assert!(!after.contains(&trace), "{before} became {after}");
        }
        let mut twice = value.clone();
        filter.scrub(&mut twice);
        prop_assert_eq!(twice, value);
    }

    #[test]
    fn cut_texts_hold_no_secret(
        key in key(),
        secret in "[A-Za-z][A-Za-z0-9]{14,30}[0-9]",
        cut in 4_usize..16,
        form in prop_oneof![Just(Form::Object), Just(Form::List), Just(Form::JsonText), Just(Form::Sentence)],
    ) {
        let text = as_text(&wrap(&json!({ key: secret }), form));
        let start = text.find(&secret).expect("it is written as it is");
        let cut_text = &text[..(start + cut).min(text.len())];
        let after = ServiceFilter::strict().scrub_text(cut_text).into_owned();
        prop_assert!(!after.contains(&secret[..4]), "{cut_text} became {after}");
    }
}
