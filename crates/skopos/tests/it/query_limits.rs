//! `--query.max-samples`, `--query.timeout` and `--query.max-concurrency` over HTTP, with Prometheus'
//! statuses and texts.

use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};

use crate::program::Program;
use crate::webhook::eventually;

/// Works for longer than any test.
const ENDLESS: &str = "max_over_time(sum(max_over_time((vector(1) + time())[1h:1s]))[5000h:1m])";

/// How a query is asked.
#[derive(Debug, Clone, Copy)]
enum Way {
    Get,
    Post,
}

async fn ask(program: &Program, way: Way, path: &str, parameters: &[(&str, &str)]) -> (u16, Value) {
    let client = Client::new();
    let url = format!("{}{path}", program.url);
    let request = match way {
        Way::Get => client.get(url).query(parameters),
        Way::Post => client.post(url).form(parameters),
    };
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.json().await.expect("JSON"))
}

/// Asks in each way, at one time and over a range.
async fn ask_all(program: &Program, query: &str, more: &[(&str, &str)]) -> Vec<(u16, Value)> {
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("after 1970")
        .as_secs();
    // The last point is after what was scraped within this second.
    let (start, end) = ((now - 59).to_string(), (now + 1).to_string());
    let range = [("start", start.as_str()), ("end", &end), ("step", "30")];
    let mut answers = Vec::new();
    for way in [Way::Get, Way::Post] {
        let instant = [&[("query", query)], more].concat();
        answers.push(ask(program, way, "/api/v1/query", &instant).await);
        let range = [&instant[..], &range].concat();
        answers.push(ask(program, way, "/api/v1/query_range", &range).await);
    }
    answers
}

fn refusal(error_type: &str, text: &str) -> Value {
    json!({ "status": "error", "errorType": error_type, "error": text })
}

#[tokio::test]
async fn a_query_of_too_many_samples_is_unprocessable() {
    let folder = tempfile::tempdir().expect("a folder");
    let flags = ["--query.max-samples", "20", "--self.scrape-interval", "1s"];
    let program = Program::start(folder.path(), &flags).await;
    let scraped = [("query", r#"count_over_time(up{job="skopos"}[1m]) > 0"#.to_owned())];
    eventually("it scraped itself", async || {
        let found = program.get("/api/v1/query", &scraped).await;
        found["data"]["result"].get(0).map(drop)
    })
    .await;
    let refused = refusal(
        "execution",
        "query processing would load too many samples into memory in query execution",
    );
    for query in [
        r#"{job="skopos"}"#,
        r#"sum by (job) ({job="skopos"})"#,
        "max_over_time(vector(1)[100s:1s])",
    ] {
        for answer in ask_all(&program, query, &[]).await {
            assert_eq!(answer, (422, refused.clone()), "{query}");
        }
    }
    for (status, answer) in ask_all(&program, "vector(1)", &[]).await {
        assert_eq!(status, 200, "{answer}");
    }
}

#[tokio::test]
async fn a_query_that_takes_too_long_times_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::start(folder.path(), &["--query.timeout", "200ms"]).await;
    let refused = refusal("timeout", "query timed out in expression evaluation");
    // A client may ask for less than the flag, and gets no more.
    for more in [&[][..], &[("timeout", "50ms")], &[("timeout", "1h")]] {
        for answer in ask_all(&program, ENDLESS, more).await {
            assert_eq!(answer, (503, refused.clone()), "{more:?}");
        }
    }
    for (status, answer) in ask_all(&program, "vector(1)", &[]).await {
        assert_eq!(status, 200, "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_beyond_the_concurrency_wait_within_their_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let flags = ["--query.timeout", "1h", "--query.max-concurrency", "1"];
    let program = Program::start(folder.path(), &flags).await;
    let endless = Client::new()
        .post(format!("{}/api/v1/query", program.url))
        .form(&[("query", ENDLESS)]);
    let endless = tokio::spawn(endless.send());
    let refused = refusal("timeout", "query timed out in query queue");
    eventually("the only place is taken", async || {
        let short = [("query", "vector(1)"), ("timeout", "100ms")];
        let answer = ask(&program, Way::Get, "/api/v1/query", &short).await;
        (answer == (503, refused.clone())).then_some(())
    })
    .await;
    for answer in ask_all(&program, "vector(1)", &[("timeout", "100ms")]).await {
        assert_eq!(answer, (503, refused.clone()));
    }
    let waiting = {
        let url = format!("{}/api/v1/query", program.url);
        tokio::spawn(Client::new().get(url).query(&[("query", "vector(1)")]).send())
    };
    // A client that goes away ends its query, and the next one's turn comes.
    assert!(!endless.is_finished());
    endless.abort();
    let answer = tokio::time::timeout(Duration::from_mins(1), waiting).await;
    let answer = answer.expect("its turn comes").expect("no panic").expect("an answer");
    assert_eq!(answer.status(), 200);
}
