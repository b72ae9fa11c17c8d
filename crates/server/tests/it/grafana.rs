//! What Grafana asks of a data source of type Prometheus: forms in bodies, the questions of "Save & test",
//! and those of its query builder.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::harness::{Answer, Harness};
use crate::prometheus_api::load;

/// Posts a form as Grafana does: with its headers, and what it says of the dashboard in the URL.
async fn form(harness: &Harness, path: &str, fields: &[(&str, &str)]) -> Value {
    let request = harness
        .post(&format!("{path}?org=1"))
        .header("User-Agent", "Grafana/11.2.0")
        .header("X-Datasource-Uid", "prometheus")
        .header("X-Dashboard-Uid", "overview")
        .header("X-Panel-Id", "2")
        .header("Accept-Encoding", "gzip")
        .form(fields);
    let answer = Answer::of(request).await;
    assert_eq!(answer.status, StatusCode::OK, "{path} {fields:?}: {}", answer.body);
    assert_eq!(answer.content_type, "application/json", "{path}");
    let body = answer.json();
    assert_eq!(body["status"], "success", "{path} {fields:?}: {body}");
    body["data"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_source_is_saved_and_tested() {
    let harness = Harness::start().await;
    let tested = form(
        &harness,
        "/api/v1/query",
        &[("query", "1+1"), ("time", "1700000000.123")],
    )
    .await;
    assert_eq!(
        tested,
        json!({ "resultType": "scalar", "result": [1_700_000_000.123, "2"] })
    );
    // By these it tells Prometheus from its relatives.
    let build = harness.json("/api/v1/status/buildinfo", &[]).await;
    assert!(build["data"]["version"].is_string(), "{build}");
    assert_eq!(build["data"].get("features"), None, "only Mimir has them: {build}");
    for path in ["/-/healthy", "/-/ready", "/api/v1/status/buildinfo"] {
        for method in [Method::GET, Method::HEAD] {
            let answer = Answer::of(harness.client.request(method.clone(), harness.url(path))).await;
            assert_eq!(answer.status, StatusCode::OK, "{method} {path}");
            assert_eq!(
                answer.body.is_empty(),
                method == Method::HEAD,
                "{method} {path}: {}",
                answer.body
            );
        }
    }
    let rules = harness.json("/api/v1/rules", &[]).await;
    assert_eq!(rules["data"], json!({ "groups": [] }));
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn panels_post_their_queries() {
    let harness = Harness::start().await;
    load(&harness);
    let range = [("start", "1700000000"), ("end", "1700000060.000"), ("step", "60")];
    let query = [("query", r#"sum by(n) (m{n=~"0|1"})"#)];
    let found = form(&harness, "/api/v1/query_range", &[&query[..], &range].concat()).await;
    let values = json!([[1_700_000_000, "0"], [1_700_000_060, "1"]]);
    let expected: Vec<Value> = ["0", "1"]
        .iter()
        .map(|n| json!({ "metric": { "n": n }, "values": values }))
        .collect();
    assert_eq!(found, json!({ "resultType": "matrix", "result": expected }));

    let at = [("query", "count(m)"), ("time", "2023-11-14T22:13:20Z")];
    let found = form(&harness, "/api/v1/query", &at).await;
    assert_eq!(found["result"][0]["value"], json!([1_700_000_000, "2"]), "{found}");
    // What stands in both counts once for each, and the URL's comes with the body's.
    let request = harness
        .post("/api/v1/query?time=1700000060")
        .form(&[("query", r#"m{n="1"}"#)]);
    let found = Answer::of(request).await.json();
    assert_eq!(
        found["data"]["result"][0]["value"],
        json!([1_700_000_060, "1"]),
        "{found}"
    );
    let exemplars = [("query", "m"), ("start", "1700000000"), ("end", "1700000600")];
    assert_eq!(form(&harness, "/api/v1/query_exemplars", &exemplars).await, json!([]));

    let refused = Answer::of(harness.post("/api/v1/query_range").form(&[("query", "sum(")])).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.json()["errorType"], "bad_data", "{}", refused.body);
    harness.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_query_builder_asks_for_labels_and_values() {
    let harness = Harness::start().await;
    load(&harness);
    let range = [("start", "1700000000"), ("end", "1700000600")];
    let of_both = [&[("match[]", r#"m{n="0"}"#), ("match[]", r#"m{n="1"}"#)], &range[..]].concat();
    let of_one = [&[("match[]", r#"{n="1"}"#)], &range[..]].concat();
    let series = |n: &str| json!({ "__name__": "m", "n": n });
    let [all, one] = [json!([series("0"), series("1")]), json!([series("1")])];
    assert_eq!(form(&harness, "/api/v1/series", &of_both).await, all);
    assert_eq!(form(&harness, "/api/v1/series", &of_one).await, one);
    assert_eq!(
        form(&harness, "/api/v1/labels", &of_one).await,
        json!(["__name__", "n"])
    );
    assert_eq!(
        form(&harness, "/api/v1/label/n/values", &of_both).await,
        json!(["0", "1"])
    );
    assert_eq!(form(&harness, "/api/v1/label/n/values", &of_one).await, json!(["1"]));
    assert_eq!(
        form(&harness, "/api/v1/label/__name__/values", &range).await,
        json!(["m"])
    );
    let asked = harness.json("/api/v1/label/n/values", &of_one).await;
    assert_eq!(asked["data"], json!(["1"]), "a GET says the same");
    // A match of nothing is refused rather than answered with everything.
    let refused = Answer::of(harness.post("/api/v1/series").form(&range)).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.body);
    let metadata = harness.json("/api/v1/metadata", &[("limit", "10")]).await;
    assert_eq!(metadata["data"], json!({}));
    harness.stop().await;
}
