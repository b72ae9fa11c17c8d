//! `skopos silence` against a running server: made, listed, ended, and carried over to another.

use crate::alerting::{Site, post_alert};
use crate::cli_alerts::{ask, nobody, run};
use crate::webhook::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silences_hold_alerts_back_until_they_are_expired() {
    let site = Site::new().await;
    let program = site.start(&[]).await;
    post_alert(&program, "Slow", "web").await;
    let added = ask(
        &program,
        &["silence", "add", "Slow", "unit=~web|db", "-c", "new index", "-d", "2h"],
    )
    .fine();
    let id = added.trim();
    let silenced = ask(&program, &["alerts", "--silenced", "--json"]).json();
    assert_eq!(silenced[0]["status"]["silencedBy"][0], id);
    let table = ask(&program, &["alerts"]).fine();
    assert!(table.contains("silenced"), "{table}");

    let listed = ask(&program, &["silence", "list"]).fine();
    for words in [id, "active", "ada", r#"{alertname="Slow",unit=~"web|db"}"#, "new index"] {
        assert!(listed.contains(words), "{words} is not in\n{listed}");
    }
    for (filter, expected) in [
        (vec!["Slow"], true),
        (vec!["Other"], false),
        (vec!["--created-by", "ada", "--within", "2h"], true),
        (vec!["--within", "1h"], false),
        (vec!["--created-by", "bob"], false),
        (vec!["--id", id], true),
        (vec!["--expired"], false),
    ] {
        let found = ask(&program, &[vec!["silence", "list", "-q"], filter.clone()].concat()).fine();
        assert_eq!(found.trim() == id, expected, "{filter:?}: {found}");
    }
    let json = ask(&program, &["silence", "list", "--json"]).json();
    assert_eq!(json[0]["comment"], "new index");

    assert_eq!(
        ask(&program, &["silence", "expire", id]).fine(),
        format!("{id} is expired\n")
    );
    eventually("the receiver is told after all", async || {
        (!site.webhook.told("/hook", "firing", "web").is_empty()).then_some(())
    })
    .await;
    assert_eq!(ask(&program, &["silence", "list"]).fine(), "no such silences\n");
    assert!(ask(&program, &["silence", "list", "--expired"]).fine().contains(id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silences_are_carried_over_to_another_server() {
    let (site, other_site) = (Site::new().await, Site::new().await);
    let (program, other) = (site.start(&[]).await, other_site.start(&[]).await);
    let start = "2030-01-01T00:00:00Z";
    for (name, end) in [("One", "2030-01-01T01:00:00Z"), ("Two", "2030-01-01T02:00:00Z")] {
        let arguments = ["silence", "add", name, "-c", "why", "--start", start, "--end", end];
        ask(&program, &[&arguments[..], &["--annotation", "ticket=OPS-1"]].concat()).fine();
    }
    let file = site.folder.path().join("silences.json");
    let file = file.to_str().expect("a path in UTF-8");
    ask(&program, &["silence", "export", "--output", file]).fine();
    let printed = ask(&program, &["silence", "export", "One"]).json();
    assert_eq!(printed.as_array().map(Vec::len), Some(1));

    let made = ask(&other, &["silence", "import", file, "--json"]).json();
    assert_eq!(made["silenceIDs"].as_array().map(Vec::len), Some(2));
    let there = ask(&other, &["silence", "list", "One", "--json"]).json();
    assert_eq!(
        (&there[0]["startsAt"], &there[0]["annotations"]["ticket"]),
        (&"2030-01-01T00:00:00.000Z".into(), &"OPS-1".into())
    );
    // Where the ids are known nothing is doubled, unless that is asked for.
    ask(&program, &["silence", "import", file]).fine();
    assert_eq!(ask(&program, &["silence", "list", "-q"]).fine().lines().count(), 2);
    ask(&program, &["silence", "import", "--force", file]).fine();
    assert_eq!(ask(&program, &["silence", "list", "-q"]).fine().lines().count(), 4);

    let broken = site.write("broken.json", r#"[{"comment": "no matchers", "createdBy": "me"}]"#);
    let refused = ask(&program, &["silence", "import", &broken]);
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.error.contains("silence 1 of the file") && refused.error.contains("required"),
        "{refused:?}"
    );
    let odd = site.write("odd.json", "{}");
    assert!(
        ask(&program, &["silence", "import", &odd])
            .error
            .contains("expected a list of silences")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_silenced_or_ended_is_told() {
    let site = Site::new().await;
    let program = site.start(&[]).await;
    let everything = ask(&program, &["silence", "add", "a=~.*", "-c", "why"]);
    assert_eq!(everything.code, Some(1));
    assert!(everything.error.contains("the server answered 400"), "{everything:?}");
    let unknown = "8c4b1d6e-7d2b-4a3c-9f53-6f6c7d1f2a10";
    let ended = ask(&program, &["silence", "expire", unknown, "odd"]);
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.error.contains("2 of 2 silences") && ended.error.contains("must be of type uuid"),
        "{ended:?}"
    );
    assert_eq!(
        ask(&program, &["silence", "add", "a=b"]).code,
        Some(2),
        "a comment is required"
    );
    assert_eq!(
        ask(&program, &["silence", "add", "-c", "why"]).code,
        Some(2),
        "a matcher is required"
    );
    assert_eq!(
        ask(&program, &["silence", "add", "a=b", "-c", "why", "-d", "long"]).code,
        Some(1)
    );
    assert_eq!(run(&["silence", "list", "--server", &nobody()]).code, Some(1));
}
