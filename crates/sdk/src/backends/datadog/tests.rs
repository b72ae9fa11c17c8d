//! The MessagePack body, read back.

use std::io::Cursor;

use rmp::Marker;
use serde_json::{Map, Value as Json, json};

use super::super::jaeger::tests::span;
use super::*;

/// Decodes what the exporter writes: arrays, maps, text, whole numbers and floats.
fn decode(cursor: &mut Cursor<&[u8]>) -> Json {
    let before = cursor.position();
    let marker = rmp::decode::read_marker(cursor).expect("a marker");
    cursor.set_position(before);
    match marker {
        Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => {
            let count = rmp::decode::read_array_len(cursor).expect("a length");
            (0..count).map(|_| decode(cursor)).collect()
        }
        Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => {
            let count = rmp::decode::read_map_len(cursor).expect("a length");
            let pair =
                |cursor: &mut Cursor<&[u8]>| (decode(cursor).as_str().expect("a key").to_owned(), decode(cursor));
            Json::Object((0..count).map(|_| pair(cursor)).collect::<Map<_, _>>())
        }
        Marker::F64 => json!(rmp::decode::read_f64(cursor).expect("a float")),
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 => {
            let length = rmp::decode::read_str_len(cursor).expect("a length") as usize;
            let start = cursor.position() as usize;
            let text = std::str::from_utf8(&cursor.get_ref()[start..start + length])
                .expect("text")
                .to_owned();
            cursor.set_position((start + length) as u64);
            json!(text)
        }
        _ => json!(rmp::decode::read_int::<u64, _>(cursor).expect("a whole number")),
    }
}

#[test]
fn spans_are_grouped_by_trace_and_carry_the_agents_names() {
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", "shop"),
            KeyValue::new("deployment.environment", "staging"),
        ])
        .build();
    let batch = [span(), span()];
    let body = encode_traces(&Process::of(&resource), &by_trace(&batch)).expect("encodes");
    let mut cursor = Cursor::new(body.as_slice());
    let traces = decode(&mut cursor);
    assert_eq!(cursor.position() as usize, body.len());
    assert_eq!(
        (traces.as_array().map(Vec::len), traces[0].as_array().map(Vec::len)),
        (Some(1), Some(2))
    );
    let span = &traces[0][0];
    for (key, value) in [
        ("service", json!("shop")),
        ("name", json!("server.request")),
        ("resource", json!("GET /orders")),
        ("type", json!("web")),
        ("trace_id", json!(0x52a6_9a89_5557_1a3f_u64)),
        ("parent_id", json!(0x0068_c4e3)),
        ("duration", json!(22_938_000)),
        ("error", json!(1)),
    ] {
        assert_eq!(span[key], value, "{key}");
    }
    let meta = &span["meta"];
    assert_eq!(
        (&meta["env"], &meta["_dd.p.tid"]),
        (&json!("staging"), &json!("0001000000000000"))
    );
    assert_eq!(
        (&meta["error.message"], &meta["http.route"]),
        (&json!("no stock"), &json!("/orders"))
    );
    let metrics = &span["metrics"];
    assert_eq!(
        (&metrics["_sampling_priority_v1"], &metrics["count"], &metrics["share"]),
        (&json!(1.0), &json!(7.0), &json!(0.5))
    );
}
