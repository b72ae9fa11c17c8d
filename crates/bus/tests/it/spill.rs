//! With the bus away a dead letter waits in a local file, and is handed over when the bus is back.

use skopos_bus::HandleError;
use skopos_bus::dead_letters::Filter;

use crate::site::{GROUP, Site, TOPIC, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_survives_an_outage_of_the_bus() {
    let folder = tempfile::tempdir().expect("a folder");
    let site = Site::start_for_outage(Some(folder.path().to_owned())).await;
    site.refuse(Some(HandleError::transient("busy", "later")));
    let event = site.publish(serde_json::json!({ "number": 1 })).await;
    eventually(async || (!site.seen(&event.id).is_empty()).then_some(())).await;
    site.broker.interrupt();

    let file = folder.path().join(format!("{GROUP}.jsonl"));
    let text = eventually(async || std::fs::read_to_string(&file).ok().filter(|text| text.ends_with('\n'))).await;
    assert!(text.contains(&event.id), "{text}");
    site.counted("dead_letter_handovers_total", &[TOPIC, "spilled"], 1.0)
        .await;

    site.broker.resume();
    let letter = eventually(async || site.letters.list(&Filter::default()).await.ok()?.into_iter().next()).await;
    assert_eq!(letter.letter.original_event["id"], event.id);
    eventually(async || (!file.exists()).then_some(())).await;
    site.counted("dead_letter_handovers_total", &[TOPIC, "handed_over"], 1.0)
        .await;
    site.stop().await;
}
