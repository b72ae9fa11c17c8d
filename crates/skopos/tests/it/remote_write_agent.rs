//! The built program as an agent: it sends on what it takes in, and stores and answers nothing.

use crate::differential::prometheus::Prometheus;
use crate::program::{Program, command};
use crate::remote_write::{Pusher, arrive, configure, remote};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_sends_on_and_stores_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let prometheus = Prometheus::start(&folder.path().join("prometheus")).await;
    let remotes = [remote("p", &format!("{}/api/v1/write", prometheus.url), "")];
    let config = configure(folder.path(), &remotes);
    let data = folder.path().join("data");
    let flags = ["--agent", "--self.scrape-interval", "0s", "--config.file", &config];
    let mut pusher = Pusher::new();
    for _ in 0..2 {
        let program = Program::start(&data, &flags).await;
        pusher.push_batches(&program.url, 20).await;
        let client = reqwest::Client::new();
        for path in [
            "/api/v1/query?query=up",
            "/api/v1/rules",
            "/loki/api/v1/labels",
            "/federate?match[]=up",
        ] {
            let answer = client
                .get(format!("{}{path}", program.url))
                .send()
                .await
                .expect("an answer");
            assert_eq!(answer.status().as_u16(), 422, "{path}");
            let text = answer.text().await.expect("a body");
            assert!(text.contains("unavailable in agent mode"), "{path}: {text}");
        }
        let logs = client
            .post(format!("{}/loki/api/v1/push", program.url))
            .body("{}")
            .send()
            .await;
        assert_eq!(logs.expect("an answer").status().as_u16(), 422);
        for path in ["/api/v1/targets", "/api/v1/status/config"] {
            program.get(path, &[]).await;
        }
        program.stop().await;
    }
    arrive(&prometheus.url, &pusher.acknowledged).await;
    let parts = data.join("parts/default/metrics");
    assert!(!parts.exists(), "an agent writes no parts");
}

#[test]
fn an_agent_refuses_what_it_does_not_carry_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("prometheus.yml");
    for section in [
        "rule_files: [a.yml]",
        "alerting: {}",
        "remote_read: [{url: 'http://a/'}]",
    ] {
        std::fs::write(&file, format!("{section}\n")).expect("a file");
        let output = command()
            .args([
                "serve",
                "--agent",
                "--web.listen-address",
                "127.0.0.1:0",
                "--storage.path",
            ])
            .arg(folder.path().join("data"))
            .arg("--config.file")
            .arg(&file)
            .output()
            .expect("the program runs");
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{section}");
        assert!(text.contains("is not allowed in agent mode"), "{section}: {text}");
    }
}
