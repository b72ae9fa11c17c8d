//! `skopos import` beside the real Prometheus: its data directory is taken in, and queries are answered
//! as it answered them. The tests need Debian's package `prometheus` (2.42) and fail without it.

pub(crate) mod feed;
mod live;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::differential::answer::{Answer, Asked};
use crate::differential::prometheus::{self, Prometheus, Setup};
use crate::export::export;
use crate::program::{Program, command};
use feed::{END_SECONDS, HEAD_SECONDS};

const FLAGS: &[&str] = &[
    "--enable-feature=native-histograms,exemplar-storage",
    "--web.enable-admin-api",
];
/// `skopos serve` keeps what is old.
pub(crate) const FOR_EVER: [&str; 2] = ["--storage.retention.time", "0s"];

/// What is asked of both.
fn questions() -> Vec<Asked> {
    let instant = [
        r#"{__name__=~"backfilled.*"}[10d]"#,
        r#"{__name__=~"written.*"}[10d]"#,
        r#"count(last_over_time({__name__=~"backfilled.+|written.+"}[10d]))"#,
    ];
    let range = [
        "written_total",
        "resets(written_total[5m])",
        r#"histogram_count(latency{job="1"})"#,
        r#"histogram_sum(latency{job="1"})"#,
        "sum by (job) (written_gauge)",
        "count(last_over_time(backfilled_gauge[10d]))",
    ];
    let instant = instant.map(|query| Asked::instant(query.to_owned(), END_SECONDS + 1));
    let range = range.map(|query| Asked::range(query.to_owned(), HEAD_SECONDS + 1, END_SECONDS + 1, 30));
    instant.into_iter().chain(range).collect()
}

async fn answers(url: &str) -> Vec<Answer> {
    let mut answers = Vec::new();
    for question in questions() {
        answers.push(question.at(url).await);
    }
    answers
}

/// Native histograms with their buckets, by the labels of their series.
async fn histograms(url: &str) -> BTreeMap<String, Value> {
    let request = reqwest::Client::new().get(format!("{url}/api/v1/query"));
    let query = [
        ("query", "latency[2h]".to_owned()),
        ("time", (END_SECONDS + 60).to_string()),
    ];
    let answer = request.query(&query).send().await.expect("an answer");
    let body: Value = answer.json().await.expect("JSON");
    let series = body["data"]["result"].as_array().expect("series").iter();
    series
        .map(|series| (series["metric"].to_string(), series["histograms"].clone()))
        .collect()
}

fn compare(ours: &[Answer], theirs: &[Answer]) {
    for ((ours, theirs), question) in ours.iter().zip(theirs).zip(questions()) {
        assert!(theirs.has_series(), "{question}: the original has nothing");
        if let Err(difference) = ours.same_as(theirs) {
            panic!("{question}: {difference}");
        }
    }
}

/// Runs `skopos import …` and gives its report; the exit code must be as expected.
pub(crate) fn import(arguments: &[&str], source: &Path, target: &Path, code: i32) -> Value {
    let output = command()
        .arg("import")
        .args(arguments)
        .arg(source)
        .arg("--storage.path")
        .arg(target)
        .arg("--json")
        .output()
        .expect("the program runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}\n{errors}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}\n{errors}"))
}

/// Every file below a folder with its bytes.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(tree(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).expect("a file"));
        }
    }
    found
}

/// How many parts lie below a folder, which may change meanwhile.
fn parquet_files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let count = |path: PathBuf| {
        if path.is_dir() {
            return parquet_files(&path);
        }
        usize::from(path.extension().is_some_and(|extension| extension == "parquet"))
    };
    entries.map(|entry| count(entry.path())).sum()
}

/// Blocks of old samples by promtool.
fn backfill(folder: &Path) {
    let text = folder.join("backfill.om");
    std::fs::write(&text, feed::openmetrics()).expect("a file");
    let status = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .arg(&text)
        .arg(folder.join("data"))
        .stdout(Stdio::null())
        .status()
        .expect("the program promtool is there: install Debian's package prometheus");
    assert!(status.success());
}

async fn delete(url: &str, selector: &str, from: i64, to: i64) {
    let request = reqwest::Client::new().post(format!("{url}/api/v1/admin/tsdb/delete_series"));
    let query = [
        ("match[]", selector.to_owned()),
        ("start", from.to_string()),
        ("end", to.to_string()),
    ];
    let answer = request.query(&query).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_directory_is_taken_in_and_answers_as_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let (home, target) = (folder.path().join("prometheus"), folder.path().join("skopos"));
    std::fs::create_dir_all(home.join("data")).expect("a folder");
    backfill(&home);
    let (theirs, their_histograms) = {
        drop(rustls::crypto::ring::default_provider().install_default());
        let setup = Setup {
            flags: FLAGS,
            ..Setup::default()
        };
        let original = Prometheus::start_as(&home, setup).await;
        for body in feed::writes() {
            prometheus::write(&original.url, body).await;
        }
        let block_start = END_SECONDS - 5 * 86_400;
        delete(
            &original.url,
            r#"backfilled_gauge{job="1"}"#,
            block_start,
            block_start + 7200,
        )
        .await;
        delete(
            &original.url,
            r#"written_gauge{job="2"}"#,
            HEAD_SECONDS,
            HEAD_SECONDS + 600,
        )
        .await;
        (answers(&original.url).await, histograms(&original.url).await)
        // It is killed here: what it had is in blocks and in its log.
    };
    let source = home.join("data");
    let before = tree(&source);
    let foreseen = import(&["prometheus", "--dry-run"], &source, &target, 0);
    assert!(!target.exists(), "a dry run makes nothing");
    let taken = import(&["prometheus"], &source, &target, 0);
    assert_eq!(tree(&source), before, "the source is not touched");
    assert_eq!(taken["histograms"], feed::HISTOGRAMS);
    assert_eq!(taken["exemplars"], feed::EXEMPLARS);
    assert!(
        taken["dropped"]["deleted"].as_u64().is_some_and(|deleted| deleted > 0),
        "{taken:#}"
    );
    assert!(
        foreseen["samples"].as_u64() >= taken["samples"].as_u64(),
        "{foreseen:#}"
    );
    assert_eq!(
        foreseen["parts"].as_array().map(Vec::len),
        taken["parts"].as_array().map(Vec::len)
    );

    let again = import(&["prometheus"], &source, &target, 0);
    assert_eq!(
        (&again["samples"], &again["written_parts"]),
        (&0.into(), &0.into()),
        "{again:#}"
    );

    let program = Program::start(&target, &FOR_EVER).await;
    compare(&answers(&program.url).await, &theirs);
    let ours = histograms(&program.url).await;
    assert!(!their_histograms.is_empty());
    for (labels, theirs) in &their_histograms {
        assert_eq!(ours.get(labels), Some(theirs), "{labels}");
    }
    // Prometheus 2.42 logs those of float counts and answers without them: compared with what was written.
    let floats = ours.iter().find(|(labels, _)| labels.contains(r#""job":"2""#));
    let floats = floats
        .and_then(|(_, samples)| samples.as_array())
        .expect("float histograms");
    assert_eq!(floats.len(), 240);
    assert_eq!(floats[239][1]["count"], "717.75");
    assert_eq!(
        floats[239][1]["buckets"].as_array().map(Vec::len),
        Some(4),
        "{}",
        floats[239]
    );
    let exemplars = program
        .get(
            "/api/v1/query_exemplars",
            &[
                ("query", "written_total".to_owned()),
                ("start", HEAD_SECONDS.to_string()),
                ("end", END_SECONDS.to_string()),
            ],
        )
        .await;
    assert_eq!(
        exemplars["data"][0]["exemplars"][0]["labels"]["trace_id"], "t0",
        "{exemplars:#}"
    );

    let refused = command()
        .args(["import", "prometheus"])
        .arg(&source)
        .arg("--storage.path")
        .arg(&target)
        .output()
        .expect("the program runs");
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && text.contains("stop the server"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_selection_is_taken_and_the_rest_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(folder.path().join("data")).expect("a folder");
    backfill(folder.path());
    let (source, target) = (folder.path().join("data"), folder.path().join("skopos"));
    let from = (END_SECONDS - 4 * 86_400).to_string();
    let selection = ["prometheus", "--match", r#"{job="1"}"#, "--from", &from];
    let taken = import(&selection, &source, &target, 0);
    let program = Program::start(&target, &FOR_EVER).await;
    let count = |query: &str| {
        let parameters = [("query", query.to_owned()), ("time", END_SECONDS.to_string())];
        let program = &program;
        async move { program.get("/api/v1/query", &parameters).await["data"]["result"].clone() }
    };
    assert_eq!(
        count(r#"count_over_time({__name__=~"back.+",job!="1"}[10d])"#).await,
        Value::Array(Vec::new())
    );
    let all = count(r#"sum(count_over_time({job="1"}[10d]))"#).await;
    assert_eq!(all[0]["value"][1], taken["samples"].to_string(), "{taken:#}");
    let older = format!("count_over_time({{job=\"1\"}}[10d] @ {})", END_SECONDS - 4 * 86_400 - 1);
    assert_eq!(count(&older).await, Value::Array(Vec::new()));
}

/// Ended again and again, it goes on where it was, and in the end nothing is doubled.
#[test]
fn an_import_that_was_killed_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(folder.path().join("data")).expect("a folder");
    backfill(folder.path());
    let source = folder.path().join("data");
    let (clean, killed) = (folder.path().join("clean"), folder.path().join("killed"));
    let whole = import(&["prometheus"], &source, &clean, 0);
    let parts = parquet_files(&clean);
    // In the middle of the first part, and after each of some.
    for written in 0..parts.min(6) {
        let mut child = command()
            .args(["import", "prometheus"])
            .arg(&source)
            .arg("--storage.path")
            .arg(&killed)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        while parquet_files(&killed) < written {
            assert!(child.try_wait().expect("a process").is_none(), "it ended too early");
        }
        child.kill().expect("a process");
        child.wait().expect("its end");
        assert!(parquet_files(&killed) < parts, "it was in the middle");
    }
    import(&["prometheus"], &source, &killed, 0);
    assert_eq!(parquet_files(&killed), parts, "{whole:#}");
    let (samples, said) = export("jsonl", &clean);
    assert!(
        said.contains(&format!("exported {} samples", whole["samples"])),
        "{said}"
    );
    assert_eq!(export("jsonl", &killed), (samples.clone(), said.clone()));
    let again = import(&["prometheus"], &source, &killed, 0);
    assert_eq!(again["samples"], 0);
    assert_eq!(export("jsonl", &killed), (samples, said));
}

#[test]
fn damage_is_told_and_the_rest_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(folder.path().join("data")).expect("a folder");
    backfill(folder.path());
    let source = folder.path().join("data");
    let files = tree(&source);
    let mut segments = files.iter().filter(|(path, _)| path.ends_with("chunks/000001"));
    let (path, bytes) = segments.next().expect("a segment");
    let mut damaged = bytes.clone();
    damaged[20] ^= 0xff;
    std::fs::write(path, damaged).expect("a file");
    let report = import(&["prometheus"], &source, &folder.path().join("skopos"), 3);
    let told = report["damage"][0].as_str().unwrap_or_default();
    assert!(
        told.contains("000001 at byte 8") && told.contains("checksum"),
        "{report:#}"
    );
    assert!(report["samples"].as_u64().is_some_and(|samples| samples > 1000));
    let nothing = command()
        .args(["import", "prometheus"])
        .arg(folder.path().join("skopos/wal"))
        .output();
    let text = String::from_utf8_lossy(&nothing.expect("the program runs").stderr).into_owned();
    assert!(text.contains("--storage.tsdb.path"), "{text}");
}

#[test]
fn bad_lines_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    for (text, told) in [
        ("# TYPE a gauge\na 1 1\na{ 2 3\n# EOF\n", ":3: "),
        ("a 1\n# EOF\n", ":1: the sample of"),
        ("a 1 1\n", ":2: data does not end with # EOF"),
        ("a 1 1\n# EOF\nb 1 1\n", "after # EOF"),
    ] {
        let file = folder.path().join("in.om");
        std::fs::write(&file, text).expect("a file");
        let output = command()
            .args(["import", "openmetrics"])
            .arg(&file)
            .arg("--storage.path")
            .arg(folder.path().join("store"))
            .output()
            .expect("the program runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && said.contains("in.om") && said.contains(told),
            "{text:?}: {said}"
        );
    }
}
