//! InfluxDB's write API, both versions.

use std::io::Write as _;

use reqwest::StatusCode;

use crate::harness::{Answer, Harness};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_of_both_versions_are_stored() {
    let harness = Harness::start().await;
    let body = "weather,city=Oslo temperature=3.5,sunny=false,note=\"dry\"\nload value=2i\n";
    let answer = Answer::of(harness.post("/write?db=home").body(body)).await;
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(
        harness
            .value("weather_temperature{city=\"Oslo\",db=\"home\"}")
            .await
            .as_deref(),
        Some("3.5")
    );
    assert_eq!(harness.value("weather_sunny").await.as_deref(), Some("0"));
    assert_eq!(harness.value("load").await.as_deref(), Some("2"));

    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"disk,host=a free=7 1700000000").expect("memory");
    let request = harness
        .post("/api/v2/write?org=o&bucket=b&precision=s")
        .header("Authorization", "Token t")
        .header("Content-Encoding", "gzip")
        .body(packed.finish().expect("memory"));
    assert_eq!(Answer::of(request).await.status, StatusCode::NO_CONTENT);
    let at = [("query", "disk_free{db=\"b\",host=\"a\"}"), ("time", "1700000000")];
    let found = harness.json("/api/v1/query", &at).await;
    assert_eq!(found["data"]["result"][0]["value"][1], "7", "{found}");
    assert_eq!(Answer::of(harness.get("/ping")).await.status, StatusCode::NO_CONTENT);
    let ledger = harness.json("/api/skopos/ledger", &[]).await.to_string();
    assert!(ledger.contains("text_field"), "{ledger}");
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faulty_lines_are_named_and_the_others_kept() {
    let harness = Harness::start().await;
    let answer = Answer::of(harness.post("/write").body("a v=1\nb\nc v=2\n")).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        answer.json()["error"],
        "partial write: line 2: missing fields dropped=1"
    );
    assert_eq!(harness.value("a_v + on() c_v").await.as_deref(), Some("3"));
    let answer = Answer::of(harness.post("/api/v2/write").body("b\n")).await;
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (StatusCode::BAD_REQUEST, &"invalid".into())
    );
    let answer = Answer::of(harness.post("/write?precision=days").body("a v=1\n")).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.body.contains("invalid precision"), "{}", answer.body);
    let answer = Answer::of(harness.post("/write").body(vec![0xff, 0xfe])).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    harness.stop().await;
}
