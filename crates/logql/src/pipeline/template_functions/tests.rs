//! Template functions that the shared cases do not reach.

use super::*;

fn text(name: &str, values: &[Value]) -> String {
    match call_for_test(name, values) {
        Ok(Value::String(text)) => text.to_string(),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn characters_are_counted_not_bytes() {
    let hello = Value::string("Hello, 世界");
    assert_eq!(text("trunc", &[Value::Int(-1), hello.clone()]), "界");
    assert_eq!(
        text("substr", &[Value::Int(-10), Value::Int(8), hello.clone()]),
        "Hello, 世"
    );
    assert_eq!(text("substr", &[Value::Int(5), Value::Int(1), hello.clone()]), "");
    assert_eq!(text("alignLeft", &[Value::Int(-1), hello.clone()]), "Hello, 世界");
    assert_eq!(text("alignRight", &[Value::Int(1), hello]), "界");
    assert_eq!(text("alignRight", &[Value::Int(4), Value::string("ab")]), "  ab");
}

#[test]
fn every_name_is_callable() {
    for name in text::NAMES.iter().chain(number::NAMES).chain(time::NAMES) {
        assert!(KnownFunctions.contains(name));
        for count in 0..4 {
            let values = vec![Value::string("x"); count];
            if let Err(message) = call_for_test(name, &values) {
                assert!(!message.contains("not defined"), "{name}: {message}");
            }
        }
    }
}

#[test]
fn sizes_are_bounded() {
    assert!(call_for_test("repeat", &[Value::Int(i64::MAX), Value::string("ab")]).is_err());
    assert!(call_for_test("indent", &[Value::Int(i64::MAX), Value::string("ab")]).is_err());
    assert!(call_for_test("alignLeft", &[Value::Int(i64::MAX), Value::string("ab")]).is_err());
    assert!(call_for_test("div", &[Value::Int(1), Value::Int(0)]).is_err());
}

#[test]
fn times_are_read_by_layout() {
    let date = |layout: &str, text: &str| {
        let time = call_for_test("toDate", &[Value::string(layout), Value::string(text)]);
        match call_for_test("unixEpoch", &[time.expect("a time")]) {
            Ok(Value::String(text)) => text.to_string(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(date("2006-01-02", "2021-11-02"), "1635811200");
    assert_eq!(
        date("2006-01-02T15:04:05Z07:00", "2023-03-10T01:32:40+01:00"),
        "1678408360"
    );
    assert_eq!(date("2006-01-02T15:04:05Z07:00", "2023-03-10T00:32:40Z"), "1678408360");
    assert_eq!(date("Jan 2 2006 3:04PM", "Mar 10 2023 12:32AM"), "1678408320");
    let zoned = call_for_test(
        "toDateInZone",
        &[
            Value::string("2006-01-02 15:04"),
            Value::string("America/New_York"),
            Value::string("2023-07-01 00:00"),
        ],
    );
    assert_eq!(text("unixEpochMillis", &[zoned.expect("a time")]), "1688184000000");
}
