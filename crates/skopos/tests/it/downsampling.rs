//! Downsampling as an operator turns it on: the flags, what a query reads by `max_source_resolution`,
//! and what is answered once the samples are gone.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::program::{Program, command};

const DAY_SECONDS: u64 = 86_400;
const PATIENCE: Duration = Duration::from_mins(1);
/// Windows as soon as a day is over for four hours.
const FLAGS: [&str; 6] = [
    "--storage.downsample.5m",
    "1s",
    "--storage.downsample.1h",
    "1s",
    "--storage.maintenance-interval",
    "50ms",
];

const NOTHING: [&str; 0] = [];

/// Queries whose ranges begin and end with windows of both lengths.
const QUERIES: [&str; 4] = [
    "increase(c_total[2h])",
    "sum_over_time(g[2h])",
    "max_over_time(g[2h])",
    "count_over_time(g[2h])",
];

/// The beginning of the day three days ago, in UTC.
fn day() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    (now / DAY_SECONDS - 3) * DAY_SECONDS
}

/// Takes in a counter and a gauge with a sample in the middle of each minute of the day.
fn import(folder: &Path, day: u64) {
    let mut text = "# TYPE c counter\n".to_owned();
    let times = || (0..DAY_SECONDS / 60).map(|minute| (minute, day + minute * 60 + 30));
    for (minute, time) in times() {
        writeln!(text, "c_total {} {time}", minute * 60).expect("memory");
    }
    text.push_str("# TYPE g gauge\n");
    for (minute, time) in times() {
        writeln!(text, "g {} {time}", minute % 97).expect("memory");
    }
    text.push_str("# EOF\n");
    let file = folder.join("day.om");
    std::fs::write(&file, text).expect("written");
    let taken = command()
        .args(["import", "openmetrics"])
        .arg(&file)
        .arg("--storage.path")
        .arg(folder.join("data"))
        .output()
        .expect("the program runs");
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
}

async fn serve(folder: &Path, more: &[&str]) -> Program {
    Program::start(&folder.join("data"), &[&FLAGS[..], more].concat()).await
}

/// Lengths of the windows of the stored parts, in milliseconds; 0 for samples. Own metrics lie in memory.
async fn lengths(program: &Program) -> Vec<i64> {
    let blocks = program.get("/api/v1/status/tsdb/blocks", &[]).await;
    let blocks = blocks["data"]["blocks"].as_array().expect("a list").iter();
    let lengths = blocks.map(|block| &block["thanos"]["downsample"]["resolution"]);
    let mut lengths: Vec<i64> = lengths.map(|length| length.as_i64().expect("a length")).collect();
    lengths.sort_unstable();
    lengths
}

async fn until_lengths(program: &Program, wanted: &[i64]) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = lengths(program).await;
        if found == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{found:?}, not {wanted:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Of which lengths windows were read, by the statistics of an answer.
fn read(answer: &Value) -> Vec<String> {
    let windows = answer["data"]["stats"]["samples"]["downsampledWindows"].as_object();
    windows
        .into_iter()
        .flatten()
        .map(|(length, _)| length.clone())
        .collect()
}

/// Value of an instant query, and lengths of the windows that it read.
async fn instant(program: &Program, query: &str, time: u64, resolution: Option<&str>) -> (Option<f64>, Vec<String>) {
    let mut parameters = vec![
        ("query", query.to_owned()),
        ("time", time.to_string()),
        ("stats", "true".to_owned()),
    ];
    parameters.extend(resolution.map(|resolution| ("max_source_resolution", resolution.to_owned())));
    let answer = program.get("/api/v1/query", &parameters).await;
    let value = answer["data"]["result"][0]["value"][1].as_str();
    let value = value.map(|value| value.parse().expect("a number"));
    (value, read(&answer))
}

/// Values of a range query over the day with steps of two hours, and lengths of the windows that it read.
async fn range(program: &Program, query: &str, day: u64, resolution: &str) -> (Vec<f64>, Vec<String>) {
    let answer = program
        .get(
            "/api/v1/query_range",
            &[
                ("query", query.to_owned()),
                ("start", (day + 7_200).to_string()),
                ("end", (day + 79_200).to_string()),
                ("step", "7200".to_owned()),
                ("stats", "true".to_owned()),
                ("max_source_resolution", resolution.to_owned()),
            ],
        )
        .await;
    let values = answer["data"]["result"][0]["values"].as_array().into_iter().flatten();
    let values = values.map(|pair| pair[1].as_str().expect("a text").parse().expect("a number"));
    (values.collect(), read(&answer))
}

fn are_near(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-9 * right.abs()
}

/// What `explain` says of a query of one-hour windows.
async fn check_explained(program: &Program, time: u64) {
    let explained = program
        .get(
            "/api/skopos/explain",
            &[
                ("query", QUERIES[1].to_owned()),
                ("time", time.to_string()),
                ("max_source_resolution", "1h".to_owned()),
            ],
        )
        .await;
    assert!(
        explained.to_string().contains("\"downsampledParts\":{\"1h\":1}"),
        "{explained}"
    );
}

#[tokio::test]
async fn a_query_reads_what_it_asks_for_and_what_is_left() {
    let folder = tempfile::tempdir().expect("a folder");
    let day = day();
    import(folder.path(), day);
    let noon = day + DAY_SECONDS / 2;

    // Samples are kept beside both kinds of windows.
    let program = serve(folder.path(), &["--storage.retention.time", "30d"]).await;
    until_lengths(&program, &[0, 300_000, 3_600_000]).await;
    let mut exact = Vec::new();
    for query in QUERIES {
        let (value, windows) = instant(&program, query, noon, None).await;
        let value = value.expect("a value");
        assert_eq!(windows, NOTHING, "{query}: samples where there are some");
        for (resolution, read) in [
            ("0s", &NOTHING[..]),
            ("5m", &["5m"]),
            ("300", &["5m"]),
            ("1h", &["1h"]),
            // A fifth of the range is 24 minutes.
            ("auto", &["5m"]),
        ] {
            let (found, windows) = instant(&program, query, noon, Some(resolution)).await;
            let found = found.expect("a value");
            assert!(are_near(found, value), "{query} {resolution}: {found}, not {value}");
            assert_eq!(windows, read, "{query} {resolution}");
        }
        exact.push(value);
    }
    let (values, windows) = range(&program, QUERIES[0], day, "0s").await;
    assert_eq!((values.len(), windows), (11, vec![]));
    let (coarse, windows) = range(&program, QUERIES[0], day, "1h").await;
    assert!(
        values
            .iter()
            .zip(&coarse)
            .all(|(exact, coarse)| are_near(*coarse, *exact)),
        "{coarse:?}"
    );
    assert_eq!((coarse.len(), windows), (11, vec!["1h".to_owned()]));
    check_explained(&program, noon).await;
    program.stop().await;

    // Samples are too old now, windows of five minutes are not.
    let program = serve(
        folder.path(),
        &[
            "--storage.retention.time",
            "1d",
            "--storage.retention.5m",
            "30d",
            "--storage.retention.1h",
            "0s",
        ],
    )
    .await;
    until_lengths(&program, &[300_000, 3_600_000]).await;
    for (query, exact) in QUERIES.iter().zip(&exact) {
        let (found, windows) = instant(&program, query, noon, None).await;
        assert!(
            found.is_some_and(|found| are_near(found, *exact)),
            "{query}: {found:?}, not {exact}"
        );
        assert_eq!(windows, ["5m"], "{query}: the finest that are kept");
        assert_eq!(
            instant(&program, query, noon, Some("0s")).await,
            (None, vec![]),
            "{query}"
        );
    }
    program.stop().await;

    // Windows of five minutes have a time of their own too; those of an hour stay for ever.
    let program = serve(
        folder.path(),
        &[
            "--storage.retention.time",
            "1d",
            "--storage.retention.5m",
            "1d",
            "--storage.retention.1h",
            "0s",
        ],
    )
    .await;
    until_lengths(&program, &[3_600_000]).await;
    let (found, windows) = instant(&program, QUERIES[1], noon, None).await;
    assert_eq!(
        (found, windows),
        (Some(exact[1]), vec!["1h".to_owned()]),
        "nothing finer is kept"
    );
    assert_eq!(
        instant(&program, QUERIES[1], noon, Some("5m")).await,
        (None, vec![]),
        "coarser windows than asked for are not read"
    );
}

#[tokio::test]
async fn what_is_no_resolution_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::start(&folder.path().join("data"), &[]).await;
    for path in ["query?query=up", "query_range?query=up&start=0&end=60&step=30"] {
        let url = format!("{}/api/v1/{path}&max_source_resolution=fine", program.url);
        let answer = reqwest::get(url).await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 400, "{path}");
        let told: Value = answer.json().await.expect("JSON");
        let error = told["error"].as_str().expect("a text");
        assert!(
            error.contains("max_source_resolution") && error.contains("auto"),
            "{error}"
        );
    }
}

#[test]
fn flags_that_are_no_durations_name_themselves() {
    for flag in [
        "--storage.downsample.5m",
        "--storage.downsample.1h",
        "--storage.retention.5m",
        "--storage.retention.1h",
    ] {
        let ran = command()
            .args(["serve", flag, "soon"])
            .output()
            .expect("the program runs");
        assert_eq!(ran.status.code(), Some(2), "{flag}");
        let told = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert!(told.contains(flag) && told.contains("soon"), "{told}");
    }
}
