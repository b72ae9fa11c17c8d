//! `skopos dlq` before a person: the question before a discard, the bar of a replay, and Ctrl-C. Each over a server and
//! straight from the bus.

use std::process::Command;

use rexpect::process::WaitStatus;
use rexpect::session::{PtySession, spawn_command};
use serde_json::Value;

use super::bus::Bus;
use super::waiting;
use crate::cli_alerts::ask;
use crate::program::Program;
use crate::webhook::eventually;

/// Longest wait for words on the terminal.
const PATIENCE_MS: u64 = 30_000;

/// Runs `skopos dlq` on a terminal of its own.
fn terminal(arguments: &[&str]) -> PtySession {
    // With the standard streams as they are given: the terminal's.
    let mut command = Command::new(env!("CARGO_BIN_EXE_skopos"));
    command
        .env("USER", "ada")
        .env("TERM", "xterm")
        .arg("dlq")
        .args(arguments);
    spawn_command(command, Some(PATIENCE_MS)).expect("the program starts on a terminal")
}

/// What it says from here to its end, and its exit code.
fn end(mut session: PtySession) -> (String, i32) {
    let said = session.exp_eof().expect("it ends");
    match session.process().wait().expect("it was started") {
        WaitStatus::Exited(_, code) => (said, code),
        other => panic!("{other:?}: {said}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_discarded_before_someone_agrees() {
    let (bus, folder) = (Bus::start().await, tempfile::tempdir().expect("a folder"));
    let program = Program::start(folder.path(), &["--bus", &bus.address()]).await;
    let doors = [
        ["--server".to_owned(), program.url.clone()],
        ["--bus".to_owned(), bus.address()],
    ];
    for door in &doors {
        for number in 0..3 {
            bus.poison("no_box", number).await;
        }
        waiting(&program, 3).await;
        let discard = [
            "discard",
            "--all",
            "--limit",
            "2",
            "-c",
            "a test order",
            &door[0],
            &door[1],
        ];
        for answer in ["n", "", "perhaps"] {
            let mut asked = terminal(&discard);
            asked.exp_string("discard 2 dead letters? [y/N] ").expect("it asks");
            asked.send_line(answer).expect("it listens");
            let (said, code) = end(asked);
            assert!(
                code == 1 && said.contains("nothing was done"),
                "{answer:?}: {code} {said}"
            );
            waiting(&program, 3).await;
        }
        let mut asked = terminal(&discard);
        asked.exp_string("[y/N] ").expect("it asks");
        asked.send_line("y").expect("it listens");
        let (said, code) = end(asked);
        assert!(code == 0 && said.contains("2 of 2 discarded"), "{code} {said}");
        waiting(&program, 1).await;
        ask(&program, &["dlq", "discard", "--all", "--yes", "-c", "the rest"]).fine();
    }
    bus.stop().await;
}

/// The job ends between two letters: what was replayed is handled once, what was not waits on, and a second replay
/// brings that alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_ends_a_replay_between_two_letters() {
    let (bus, folder) = (Bus::start().await, tempfile::tempdir().expect("a folder"));
    let program = Program::start(folder.path(), &["--bus", &bus.address()]).await;
    for number in 0..8 {
        bus.poison("no_box", number).await;
    }
    waiting(&program, 8).await;
    bus.mend();
    let mut left = 8;
    for door in [
        ["--server".to_owned(), program.url.clone()],
        ["--bus".to_owned(), bus.address()],
    ] {
        // One letter at once and then one in ten seconds: it goes on for as long as this test needs it.
        let mut replay = terminal(&["replay", "--all", "--yes", "--rate", "0.1", &door[0], &door[1]]);
        replay.exp_string(&format!("1/{left} letters")).expect("the bar moves");
        replay.send_control('c').expect("it listens");
        let (said, code) = end(replay);
        assert!(
            code == 1
                && said.contains(&format!(
                    "of {left} replayed, then it was cancelled; the others wait on"
                )),
            "{code} {said}"
        );
        let settled = ask(&program, &["dlq", "list", "--state", "settled", "--json"]).json();
        let replayed = usize::try_from(settled["matched"].as_u64().expect("a count")).expect("a small count");
        assert!(replayed > 8 - left && replayed < 8, "{settled}");
        assert!(
            said.contains(&format!("{} of {left} replayed", replayed - (8 - left))),
            "{said}"
        );
        left = 8 - replayed;
        waiting(&program, left).await;
        eventually("what was replayed is handled", async || {
            (bus.handled().len() == replayed).then_some(())
        })
        .await;
    }
    let rest = ask(&program, &["dlq", "replay", "--all", "--yes", "--json"]).json();
    assert_eq!(rest["done"], Value::from(left));
    eventually("all are handled", async || (bus.handled().len() >= 8).then_some(())).await;
    waiting(&program, 0).await;
    bus.stop_and_count(8).await;
}
