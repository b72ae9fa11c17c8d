//! `--compat-ports`: the classic ports of the built program.

use std::net::TcpListener;

use crate::alerting::Site;
use crate::cli_alerts::run;

const OPEN: [(&str, &str, &str); 4] = [
    ("alertmanager", "/api/v2/status", "versionInfo"),
    ("loki", "/ready", "ready"),
    ("jaeger-query", "/api/services", "skopos"),
    ("jaeger-admin", "/", "Server available"),
];

/// What a browser finds on Jaeger's port: the page, which asks its own APIs on the port that it came from.
const PAGE_OF_JAEGER: [(&str, &str); 4] = [
    ("/", "<title>Skopos"),
    ("/search?service=a", "<title>Skopos"),
    ("/trace/4bf92f3577b34da6a3ce929d0e0e4736", "<title>Skopos"),
    ("/api/v1/status/buildinfo", "version"),
];

async fn text(url: &str) -> String {
    let answer = reqwest::get(url).await.expect("an answer");
    assert!(answer.status().is_success(), "{url}: {}", answer.status());
    answer.text().await.expect("a body")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_port_is_in_the_banner_and_answers() {
    let site = Site::new().await;
    let flags: Vec<String> = OPEN
        .iter()
        .map(|(name, _, _)| format!("--compat-ports.{name}-address=127.0.0.1:0"))
        .collect();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let program = site.start(&flags).await;
    for (name, path, word) in OPEN {
        let url = program
            .url_of(name)
            .unwrap_or_else(|| panic!("{name} is not in the banner"));
        crate::webhook::eventually(&format!("{name} says {word}"), async || {
            text(&format!("{url}{path}")).await.contains(word).then_some(())
        })
        .await;
    }
    let jaeger = program.url_of("jaeger-query").expect("it is open");
    for (path, word) in PAGE_OF_JAEGER {
        let page = text(&format!("{jaeger}{path}")).await;
        assert!(page.contains(word), "{path}: {page}");
    }
    let alertmanager = program.url_of("alertmanager").expect("it is open");
    let page = text(&format!("{}/metrics", program.url)).await;
    let own = text(&format!("{alertmanager}/metrics")).await;
    for name in ["alertmanager_config_hash", "alertmanager_config_last_reload_successful"] {
        let of = |page: &str| page.lines().find(|line| line.starts_with(name)).map(str::to_owned);
        assert!(of(&page).is_some() && of(&page) == of(&own), "{name}");
    }
    // A reload that fails is told by every page, whoever asked for it.
    site.write("alertmanager.yml", "route: {receiver: nobody}\n");
    let client = reqwest::Client::new();
    let reload = client
        .post(format!("{alertmanager}/-/reload"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(reload.status(), 500);
    for url in [&program.url, &alertmanager] {
        let page = text(&format!("{url}/metrics")).await;
        assert!(
            page.contains("\nalertmanager_config_last_reload_successful 0\n"),
            "{page}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_flag_no_port_is_open() {
    let site = Site::new().await;
    let program = site.start(&[]).await;
    for (name, _, _) in OPEN {
        assert_eq!(program.url_of(name), None, "{name}");
    }
}

#[test]
fn a_taken_port_and_an_unknown_one_are_told() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let storage = folder.path().to_string_lossy();
    let flag = "--compat-ports.loki-address";
    let ran = run(&[
        "--web.listen-address",
        "127.0.0.1:0",
        "--storage.path",
        &storage,
        flag,
        &address,
    ]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.error.contains(&address) && ran.error.contains(flag), "{ran:?}");

    let unknown = run(&["--compat-ports=9093,9411"]);
    assert_eq!(unknown.code, Some(2));
    assert!(
        unknown.error.contains("9411") && unknown.error.contains("3100 (loki)"),
        "{unknown:?}"
    );
    let beyond = run(&["--compat-ports.loki-address", "0.0.0.0:0", "--storage.path", &storage]);
    assert_eq!(beyond.code, Some(1));
    assert!(beyond.error.contains("--insecure"), "{beyond:?}");
    let help = run(&["serve", "--help"]).fine();
    for word in ["--compat-ports", "16686", "14268", "14250", "9411"] {
        assert!(help.contains(word), "{word} is not in\n{help}");
    }
}
