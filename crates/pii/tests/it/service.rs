//! The service filter by example: keys, texts, headers, encodings and cut ends.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use skopos_pii::ServiceFilter;

fn strict(mut value: Value) -> Value {
    ServiceFilter::strict().scrub(&mut value);
    value
}

fn text(text: &str) -> String {
    ServiceFilter::strict().scrub_text(text).into_owned()
}

#[test]
fn ids_become_the_start_of_their_sha256() {
    // `printf u-17 | sha256sum`
    let hash = "9370e9b2";
    for key in ["user_id", "userId", "user-id", "User.ID", "X-User-ID", "enduser.id"] {
        assert_eq!(strict(json!({ key: "u-17" })), json!({ key: hash }), "{key}");
    }
    assert_eq!(
        strict(json!({ "user": { "id": "u-17" } })),
        json!({ "user": { "id": hash } })
    );
    assert_eq!(
        strict(json!({ "portfolio_ids": ["u-17"] })),
        json!({ "portfolio_ids": [hash] })
    );
    assert_eq!(text("load user_id=u-17 failed"), format!("load user_id={hash} failed"));
    assert_eq!(strict(json!({ "user_id": 17 })), json!({ "user_id": "4523540f" }));
}

#[test]
fn eight_digits_are_an_id_and_a_hash_is_not_hashed_again() {
    let filter = ServiceFilter::strict();
    let mut value = json!({ "user_id": "12345678" });
    filter.scrub(&mut value);
    assert_ne!(value["user_id"], "12345678");
    let once = value.clone();
    filter.scrub(&mut value);
    assert_eq!(value, once);
}

#[test]
fn keys_are_known_in_every_spelling() {
    let keys = [
        "password",
        "db_password",
        "dbPassword",
        "DB-PASSWORD",
        "apiKey",
        "api_key",
        "api-key",
        "APIKey",
        "X-Api-Key",
        "accessToken",
        "refresh_token",
        "Authorization",
        "proxy-authorization",
        "clientSecret",
        "PRIVATE_KEY",
        "Set-Cookie",
        "security_id",
        "securityId",
        "security",
        "Securities",
        "isin",
        "amount",
        "amountUsd",
        "unit_price",
        "marketValue",
        "balance",
    ];
    for key in keys {
        assert_eq!(strict(json!({ key: "v4lue-1" }))[key], "[REDACTED]", "{key}");
        let nested = strict(json!({ "a": [{ "b": { key: { "deep": ["v4lue-1"] } } }] }));
        assert!(!nested.to_string().contains("v4lue-1"), "{nested}");
    }
}

#[test]
fn what_only_speaks_of_secrets_stays() {
    let harmless = json!({
        "gen_ai.usage.input_tokens": 512, "max_tokens": "100", "token_count": 3, "auth_status": "ok", "password_length": 12,
        "author": "Ann", "tokenizer": "bpe", "trace_id": "4c79f60c11214eb38604f4ae0781bfb2", "pattern_id": "p-1",
        "http.route": "/v1/execute", "note": "the basic set is ready at 10:30", "price_feed": "main", "asof_date": "2026-11-26",
        "Strict-Transport-Security": "max-age=63072000", "network_security": "on", "ok": true, "nothing": null, "password": "", "path": "/usr/lib/x86_64-linux-gnu/libfontconfig.so",
    });
    assert_eq!(strict(harmless.clone()), harmless);
}

#[test]
fn secrets_alone_leave_people_and_money() {
    let mut value = json!({ "user_id": "u-17", "amount": 5, "mail": "ann@example.com", "token": "t0k" });
    ServiceFilter::secrets().scrub(&mut value);
    assert_eq!(
        value,
        json!({ "user_id": "u-17", "amount": 5, "mail": "ann@example.com", "token": "[REDACTED]" })
    );
}

#[test]
fn texts_lose_what_they_assign() {
    let cases = [
        ("password=hunter2 retry=3", "password=[REDACTED] retry=3"),
        (
            r#"{"password": "hun ter2", "n": 1"#,
            r#"{"password": "[REDACTED]", "n": 1"#,
        ),
        (
            r#"body {\"api_key\":\"k-1\",\"n\":1} sent"#,
            r#"body {\"api_key\":\"[REDACTED]\",\"n\":1} sent"#,
        ),
        (
            "Authorization: Bearer abc.def\nHost: x",
            "Authorization: [REDACTED]\nHost: x",
        ),
        ("Cookie: a=1; b=2\nAccept: */*", "Cookie: [REDACTED]\nAccept: */*"),
        ("sent with Bearer abc", "sent with Bearer [REDACTED]"),
        ("postgres://app:s3cret@db:5432/x", "postgres://[REDACTED]@db:5432/x"),
        ("GET /v1?token=abc&page=2", "GET /v1?token=[REDACTED]&page=2"),
        ("key sk-proj-abcdef123456 used", "key [REDACTED] used"),
        ("paid $1,250.00 for US0378331005", "paid [REDACTED] for [REDACTED]"),
        (
            r#"{"security":"ALBA","quantity":3"#,
            r#"{"security":"[REDACTED]","quantity":3"#,
        ),
        ("the password is hunter2", "the password is [REDACTED]"),
        (
            "listening on http://localhost:8080",
            "listening on http://localhost:8080",
        ),
    ];
    for (before, after) in cases {
        assert_eq!(text(before), after);
        assert_eq!(text(after), after, "twice");
    }
}

#[test]
fn encoded_secrets_are_found() {
    let inner = r#"{"password":"hunter2-very-long"}"#;
    let twice = STANDARD.encode(format!("body={}", STANDARD.encode(inner)));
    let encoded = [
        "q=%7B%22password%22%3A%22hunter2-very-long%22%7D".to_owned(),
        "q=%257B%2522password%2522%253A%2522hunter2-very-long%2522".to_owned(),
        format!("payload {}", STANDARD.encode(inner)),
        format!("payload/{}", URL_SAFE_NO_PAD.encode(inner)),
        format!("payload {twice}"),
        format!("payload {}", hex::encode(inner)),
        json!({ "body": json!({ "inner": inner }).to_string() }).to_string(),
    ];
    for before in encoded {
        let after = text(&before);
        assert_ne!(after, before);
        for form in ["hunter2".to_owned(), STANDARD.encode(inner), hex::encode("hunter2")] {
            assert!(!after.contains(&form), "{before} became {after}");
        }
    }
}

/// Cuts the text behind every character of the secret: none may stay that says more than three letters of it.
#[test]
fn cut_secrets_are_found() {
    let secret = "qzx9J7wKpL2mV8tR";
    let texts = [
        format!("Authorization: Bearer {secret}"),
        format!(r#"{{"user":"x","password":"{secret}"}}"#),
        format!("https://api.example.com/v1?api_key={secret}"),
        format!("redis://cache:{secret}@redis:6379/0"),
        format!("q=%22token%22%3A%22{secret}%22"),
        format!("using sk_live_{secret}"),
        format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----"),
        format!(r#"{{\"secret\":\"{secret}\"}}"#),
    ];
    for whole in texts {
        let start = whole.find(secret).expect("planted");
        for length in 4..=secret.len() {
            let cut = &whole[..start + length];
            let after = text(cut);
            assert!(!after.contains(&secret[..4]), "{cut} became {after}");
        }
    }
    let payload = STANDARD.encode(format!(r#"{{"password":"{secret}"}}"#));
    for length in 24..payload.len() {
        let after = text(&payload[..length]);
        assert!(
            !after.contains(&payload[16..length]),
            "{} became {after}",
            &payload[..length]
        );
    }
}

#[test]
fn pairs_and_attributes_are_read_as_members() {
    let after = strict(json!({
        "headers": [["Authorization", "abc"], ["Accept", "*/*"]],
        "attributes": [{ "key": "api_key", "value": { "stringValue": "abc" } }, { "key": "n", "value": { "intValue": 1 } }],
        "sk-abcdef123456": 1,
    }));
    assert_eq!(
        after,
        json!({
            "headers": [["Authorization", "[REDACTED]"], ["Accept", "*/*"]],
            "attributes": [{ "key": "api_key", "value": "[REDACTED]" }, { "key": "n", "value": { "intValue": 1 } }],
            "[REDACTED]": 1,
        })
    );
}
