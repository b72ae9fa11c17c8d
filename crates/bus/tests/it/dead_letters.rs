//! Letters are listed, replayed in their trace, counted and put away.

use skopos_bus::dead_letters::{Action, Filter, Pace};
use skopos_bus::{HandleError, dlq_topic};

use crate::site::{GROUP, Site, TOPIC, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn letters_carry_what_is_known_and_are_found_by_it() {
    let site = Site::start().await;
    site.fail("no_stock", 1).await;
    let second = site.fail("no_box", 2).await;

    let all = site.letters.list(&Filter::default()).await.expect("the broker is up");
    assert_eq!(all.len(), 2);
    let letter = &all[0];
    assert_eq!(letter.letter.error_type, "no_box", "newest first");
    assert_eq!(letter.letter.error_message, "order 2 cannot be packed");
    assert_eq!(letter.letter.source_topic, TOPIC);
    assert_eq!(letter.letter.original_event["id"], second.id);
    assert_eq!((letter.letter.retry_count, letter.letter.replay_count), (0, 0));
    assert_eq!(letter.letter.consumer_group, GROUP);
    assert_eq!((letter.key.as_str(), letter.id.topic.as_str()), ("shop", "orders.dlq"));
    assert!(letter.letter.timestamp.parse::<jiff::Timestamp>().is_ok());

    let found = async |filter: Filter| site.letters.list(&filter).await.expect("the broker is up").len();
    let base = Filter::default;
    assert_eq!(
        found(Filter {
            error_type: Some("no_stock".to_owned()),
            ..base()
        })
        .await,
        1
    );
    assert_eq!(
        found(Filter {
            text: Some("ORDER 1".to_owned()),
            ..base()
        })
        .await,
        1
    );
    assert_eq!(
        found(Filter {
            topic: Some(TOPIC.to_owned()),
            ..base()
        })
        .await,
        2
    );
    assert_eq!(
        found(Filter {
            topic: Some(dlq_topic(TOPIC)),
            ..base()
        })
        .await,
        2
    );
    assert_eq!(
        found(Filter {
            topic: Some("other".to_owned()),
            ..base()
        })
        .await,
        0
    );
    assert_eq!(
        found(Filter {
            trace_id: letter.letter.trace_id.clone(),
            ..base()
        })
        .await,
        1
    );
    assert_eq!(
        found(Filter {
            since: Some(jiff::Timestamp::now()),
            ..base()
        })
        .await,
        0
    );
    assert_eq!(found(Filter { limit: 1, ..base() }).await, 1);

    let shown = site.letters.show(&letter.id).await.expect("the broker is up");
    assert_eq!(shown.map(|one| one.letter), Some(letter.letter.clone()));
    site.counted("dead_letters_total", &[TOPIC, "no_box"], 1.0).await;
    site.counted("dead_letter_handovers_total", &[TOPIC, "handed_over"], 2.0)
        .await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_keeps_the_trace_and_counts() {
    let site = Site::start().await;
    let event = site.fail("no_stock", 1).await;
    let trace_id = site.seen(&event.id)[0].trace_id.clone();

    // Replayed too early: it fails again, and its second letter says that it was replayed.
    let outcome = site
        .letters
        .replay(&Filter::default(), Pace::Full, "ann")
        .await
        .expect("the broker is up");
    assert_eq!((outcome.done.len(), outcome.failed.len()), (1, 0));
    let again = eventually(async || {
        let waiting = site.letters.list(&Filter::default()).await.expect("the broker is up");
        waiting.into_iter().next()
    })
    .await;
    assert_eq!(again.letter.replay_count, 1);
    assert_eq!(again.letter.trace_id.as_ref(), Some(&trace_id));

    // Replayed when the cause is gone: it is handled, in the trace in which it began.
    site.refuse(None);
    site.letters
        .replay(&Filter::default(), Pace::PerSecond(50.0), "ann")
        .await
        .expect("the broker is up");
    eventually(async || (site.seen(&event.id).len() == 3).then_some(())).await;
    let seen = site.seen(&event.id);
    assert!(seen.iter().all(|one| one.trace_id == trace_id), "{seen:?}");
    assert_eq!(seen[2].event.data, event.data);

    let settled = Filter {
        is_settled: Some(true),
        ..Filter::default()
    };
    let settled = site.letters.list(&settled).await.expect("the broker is up");
    assert_eq!(settled.len(), 2);
    let record = settled[0].settled.as_ref().expect("it was dealt with");
    assert_eq!((record.action, record.by.as_str()), (Action::Replayed, "ann"));
    assert_eq!(site.waiting().await, 0);
    site.counted("dead_letters_settled_total", &[TOPIC, "replayed"], 2.0)
        .await;
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_discarded_waits_no_more() {
    let site = Site::start().await;
    site.fail("no_stock", 1).await;
    site.fail("no_stock", 2).await;
    let all = site.letters.list(&Filter::default()).await.expect("the broker is up");
    let one = Filter {
        ids: vec![all[1].id.clone()],
        ..Filter::default()
    };
    let outcome = site
        .letters
        .discard(&one, "ben", "a test order")
        .await
        .expect("the broker is up");
    assert_eq!(outcome.done, [all[1].id.clone()]);

    let again = site
        .letters
        .discard(&one, "ben", "a test order")
        .await
        .expect("the broker is up");
    assert!(again.done.is_empty(), "once is enough");
    let put_away = site.letters.show(&all[1].id).await.expect("the broker is up");
    let record = put_away.and_then(|letter| letter.settled).expect("it was dealt with");
    assert_eq!((record.by.as_str(), record.reason.as_str()), ("ben", "a test order"));

    let survey = site.letters.survey(&Filter::default()).await.expect("the broker is up");
    assert_eq!((survey.matched, survey.letters.len()), (1, 1));
    let reason = &survey.reasons[0];
    assert_eq!(
        (reason.source_topic.as_str(), reason.error_type.as_str(), reason.waiting),
        (TOPIC, "no_stock", 1)
    );
    let queues = site.letters.queues().await.expect("the broker is up");
    assert_eq!(queues, survey.queues);
    assert_eq!(queues.len(), 1);
    assert_eq!((queues[0].waiting, queues[0].settled), (1, 1));
    assert_eq!(queues[0].source_topic, TOPIC);
    assert_eq!(queues[0].oldest.as_ref(), Some(&all[0].letter.timestamp));
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_are_counted_in_the_letter() {
    let site = Site::start().await;
    site.refuse(Some(HandleError::transient("busy", "later")));
    site.publish(serde_json::json!({})).await;
    let letter = eventually(async || {
        let all = site.letters.list(&Filter::default()).await.expect("the broker is up");
        all.into_iter().next()
    })
    .await;
    assert_eq!(
        (letter.letter.retry_count, letter.letter.error_type.as_str()),
        (2, "busy")
    );
    site.stop().await;
}
