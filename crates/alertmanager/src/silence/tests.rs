//! Tests of the rules by which silences change.

use super::*;

fn posted(id: Option<&str>, value: &str, starts_at_ms: i64, ends_at_ms: i64) -> PostableSilence {
    PostableSilence {
        id: id.map(str::to_owned),
        matchers: vec![Matcher::equal("a", value)],
        starts_at_ms,
        ends_at_ms,
        created_by: "tester".to_owned(),
        comment: "why".to_owned(),
        annotations: Vec::new(),
    }
}

fn set(store: &mut SilenceStore, now_ms: i64, silence: PostableSilence, new_id: &str) -> Result<String, SilenceError> {
    let changed = store.set(now_ms, silence, || new_id.to_owned())?;
    Ok(changed.last().map(|silence| silence.id.clone()).unwrap_or_default())
}

fn state(store: &SilenceStore, id: &str, now_ms: i64) -> Option<SilenceState> {
    store.get(id).map(|silence| silence.state(now_ms))
}

#[test]
fn a_silence_is_pending_then_active_then_expired() {
    let mut store = SilenceStore::default();
    assert_eq!(set(&mut store, 0, posted(None, "b", 100, 200), "1"), Ok("1".to_owned()));
    let states = [50, 100, 199, 200].map(|now_ms| state(&store, "1", now_ms));
    let expected = [
        SilenceState::Pending,
        SilenceState::Active,
        SilenceState::Active,
        SilenceState::Expired,
    ];
    assert_eq!(states, expected.map(Some));
    let labels = Labels::from_pairs([("a", "b")]);
    assert!(store.silencing(&labels, 50).is_empty());
    assert_eq!(store.silencing(&labels, 100), ["1"]);
    assert!(store.silencing(&labels, 200).is_empty());
}

#[test]
fn a_start_in_the_past_is_moved_to_now() {
    let mut store = SilenceStore::default();
    assert!(set(&mut store, 1000, posted(None, "b", 5, 2000), "1").is_ok());
    assert_eq!(store.get("1").map(|silence| silence.starts_at_ms), Some(1000));
}

#[test]
fn an_active_one_is_updated_in_place_if_it_means_the_same() {
    let mut store = SilenceStore::default();
    assert!(set(&mut store, 1500, posted(None, "b", 1500, 9000), "1").is_ok());
    // The client sends whole seconds back.
    assert_eq!(
        set(&mut store, 2000, posted(Some("1"), "b", 1000, 5000), "2"),
        Ok("1".to_owned())
    );
    assert_eq!(
        store.get("1").map(|silence| (silence.starts_at_ms, silence.ends_at_ms)),
        Some((1500, 5000))
    );
    // Another start is another silence.
    assert_eq!(
        set(&mut store, 2000, posted(Some("1"), "b", 3000, 5000), "2"),
        Ok("2".to_owned())
    );
    assert_eq!(state(&store, "1", 2000), Some(SilenceState::Expired));
    // Other matchers are too.
    assert_eq!(
        set(&mut store, 3500, posted(Some("2"), "c", 3000, 5000), "3"),
        Ok("3".to_owned())
    );
    assert_eq!(state(&store, "2", 3500), Some(SilenceState::Expired));
    // An expired one is never updated.
    assert_eq!(
        set(&mut store, 3500, posted(Some("2"), "b", 3000, 5000), "4"),
        Ok("4".to_owned())
    );
    assert_eq!(store.len(), 4);
}

#[test]
fn a_pending_one_may_be_moved_within_the_future() {
    let mut store = SilenceStore::default();
    assert!(set(&mut store, 0, posted(None, "b", 5000, 9000), "1").is_ok());
    assert_eq!(
        set(&mut store, 0, posted(Some("1"), "b", 6000, 9000), "2"),
        Ok("1".to_owned())
    );
    assert_eq!(
        set(&mut store, 1000, posted(Some("1"), "b", 500, 9000), "2"),
        Ok("2".to_owned())
    );
    assert_eq!(store.get("2").map(|silence| silence.starts_at_ms), Some(1000));
}

#[test]
fn ending_a_silence_is_idempotent() {
    let mut store = SilenceStore::default();
    assert!(set(&mut store, 0, posted(None, "b", 0, 9000), "active").is_ok());
    assert!(set(&mut store, 0, posted(None, "b", 5000, 9000), "pending").is_ok());
    for id in ["active", "pending"] {
        assert!(matches!(store.expire(100, id), Ok(Some(_))), "{id}");
        assert_eq!(state(&store, id, 100), Some(SilenceState::Expired));
        assert_eq!(store.expire(200, id), Ok(None));
    }
    assert_eq!(store.expire(100, "nobody"), Err(SilenceError::NotFound));
    assert_eq!(store.collect_garbage(1099, 1000), Vec::<String>::new());
    assert_eq!(store.collect_garbage(1100, 1000).len(), 2);
}

#[test]
fn what_is_not_allowed_is_refused() {
    let mut store = SilenceStore::new(SilenceLimits {
        max_silences: Some(1),
        max_size_bytes: Some(200),
    });
    let refused = |store: &mut SilenceStore, silence| set(store, 1000, silence, "x").err();
    assert_eq!(
        refused(&mut store, posted(None, "b", 10, 10)),
        Some(SilenceError::EndsBeforeStart)
    );
    assert_eq!(
        refused(&mut store, posted(None, "b", 10, 20)),
        Some(SilenceError::EndsInPast)
    );
    assert_eq!(
        refused(&mut store, posted(Some("y"), "b", 10, 2000)),
        Some(SilenceError::NotFound)
    );
    assert_eq!(
        refused(&mut store, posted(None, "", 10, 2000)),
        Some(SilenceError::MatchesEverything)
    );
    let large = posted(None, &"b".repeat(200), 10, 2000);
    assert!(matches!(
        refused(&mut store, large),
        Some(SilenceError::TooLarge { .. })
    ));
    let negative = PostableSilence {
        matchers: Matcher::new(crate::MatchOp::NotEqual, "a", "b").into_iter().collect(),
        ..posted(None, "b", 10, 2000)
    };
    assert_eq!(refused(&mut store, negative), None);
    let too_many = Some(SilenceError::TooMany { count: 2, limit: 1 });
    assert_eq!(refused(&mut store, posted(None, "b", 10, 2000)), too_many);
}

#[test]
fn a_change_that_is_refused_changes_nothing() {
    let mut store = SilenceStore::new(SilenceLimits {
        max_silences: Some(1),
        max_size_bytes: None,
    });
    assert!(set(&mut store, 0, posted(None, "b", 0, 9000), "1").is_ok());
    assert!(set(&mut store, 10, posted(Some("1"), "c", 0, 9000), "2").is_err());
    assert_eq!(state(&store, "1", 20), Some(SilenceState::Active));
}

#[test]
fn only_younger_states_are_merged() {
    let mut ours = SilenceStore::default();
    let mut theirs = SilenceStore::default();
    assert!(set(&mut ours, 0, posted(None, "b", 0, 9000), "1").is_ok());
    let old = ours.get("1").cloned();
    assert!(old.clone().is_some_and(|silence| theirs.merge(silence, 10)));
    let ended = ours.expire(50, "1").ok().flatten();
    assert!(ended.is_some_and(|silence| theirs.merge(silence, 60)));
    assert!(!old.is_some_and(|silence| theirs.merge(silence, 70)));
    assert!(theirs.silencing(&Labels::from_pairs([("a", "b")]), 70).is_empty());
}

#[test]
fn silences_without_an_equality_are_found_too() {
    let mut store = SilenceStore::default();
    for (id, op, value) in [
        ("regex", crate::MatchOp::Regex, "b.*"),
        ("negative", crate::MatchOp::NotEqual, "x"),
        ("other", crate::MatchOp::Regex, "c"),
    ] {
        let silence = PostableSilence {
            matchers: Matcher::new(op, "a", value).into_iter().collect(),
            ..posted(None, "b", 0, 9000)
        };
        assert!(set(&mut store, 0, silence, id).is_ok());
    }
    assert!(set(&mut store, 0, posted(None, "bb", 0, 9000), "equal").is_ok());
    let found = store.silencing(&Labels::from_pairs([("a", "bb"), ("z", "1")]), 10);
    assert_eq!(found, ["equal", "negative", "regex"]);
}
