//! What leaves of a record, and under which labels.

use std::ops::ControlFlow;

use skopos_config::{PrometheusConfig, RelabelConfig};
use skopos_core::metric::Exemplar;
use skopos_core::sample::{STALE_NAN, is_stale};
use skopos_storage::Offset;

use super::*;

fn relabel(rules: &str) -> Vec<RelabelConfig> {
    let text = format!("remote_write:\n- url: http://a/\n  write_relabel_configs: {rules}\n");
    let config = PrometheusConfig::parse(&text, std::path::Path::new("p.yml")).expect("a good configuration");
    config.remote_write[0].write_relabel_configs.clone()
}

fn rules(text: &str) -> ReadingRules {
    ReadingRules {
        tenant: TenantId::default(),
        external_labels: Labels::from_pairs([("site", "a"), ("job", "external")]),
        relabeler: Relabeler::new(&relabel(text)).expect("patterns compile"),
        exemplars: false,
        native_histograms: false,
        age_limit: Duration::from_mins(1),
    }
}

fn record(offset: u64, definitions: Vec<(u32, Labels)>, floats: Vec<(u32, i64, f64)>) -> LogRecord {
    LogRecord {
        offset: Offset(offset),
        tenant: TenantId::default(),
        definitions,
        floats,
        histograms: Vec::new(),
        starts: Vec::new(),
        exemplars: Vec::new(),
        metadata: Vec::new(),
    }
}

fn pass(reading: &mut Reading, record: LogRecord) -> (Vec<Item>, Vec<(ItemKind, SkipReason)>) {
    let (mut items, mut skipped) = (Vec::new(), Vec::new());
    reading.learn(&record);
    let end: ControlFlow<()> = reading.pass(record, 100_000, |_, passed| {
        match passed {
            Passed::Item(item) => items.push(item),
            Passed::Skipped(kind, reason) => skipped.push((kind, reason)),
        }
        ControlFlow::Continue(())
    });
    assert!(end.is_continue());
    (items, skipped)
}

fn series(name: &str, job: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("job", job)])
}

#[test]
fn external_labels_come_before_the_rules_and_give_way_to_own_ones() {
    let text =
        "[{source_labels: [site], target_label: place}, {source_labels: [__name__], regex: noise, action: drop}]";
    let mut reading = Reading::new(rules(text));
    let definitions = vec![(1, series("up", "own")), (2, series("noise", "own"))];
    let floats = vec![
        (1, 99_000, STALE_NAN),
        (2, 99_000, 1.0),
        (3, 99_000, 1.0),
        (1, 1_000, 1.0),
    ];
    let mut one = record(7, definitions, floats);
    one.exemplars = vec![(
        1,
        Exemplar {
            labels: Labels::empty(),
            timestamp_ms: 1,
            value: 1.0,
        },
    )];
    let (items, skipped) = pass(&mut reading, one);
    assert_eq!(items.len(), 1);
    let expected = [("__name__", "up"), ("job", "own"), ("place", "a"), ("site", "a")];
    assert_eq!(items[0].outgoing.labels, Labels::from_pairs(expected));
    assert!(matches!(items[0].outgoing.value, OutgoingValue::Float { value, .. } if is_stale(value)));
    assert_eq!(
        items[0].hash,
        series("up", "own").fingerprint(),
        "rules do not move a series to another shard"
    );
    assert_eq!(
        skipped,
        [
            (ItemKind::Float, SkipReason::DroppedSeries),
            (ItemKind::Float, SkipReason::UnintentionalDroppedSeries),
            (ItemKind::Float, SkipReason::TooOld),
            (ItemKind::Exemplar, SkipReason::NotWanted),
        ]
    );
}

#[test]
fn a_number_means_what_was_defined_last_and_is_forgotten_after_an_epoch() {
    let mut reading = Reading::new(rules("[]"));
    pass(
        &mut reading,
        record(0, vec![(1, series("a", "x")), (2, series("b", "x"))], Vec::new()),
    );
    let (items, _) = pass(
        &mut reading,
        record(1, vec![(1, series("c", "x"))], vec![(1, 99_000, 1.0)]),
    );
    assert_eq!(items[0].outgoing.labels.metric_name(), "c");
    reading.begin_epoch();
    pass(&mut reading, record(2, vec![(1, series("c", "x"))], Vec::new()));
    assert_eq!(reading.series(), 2, "readers of the epoch before may still need it");
    reading.begin_epoch();
    assert_eq!(reading.series(), 1);
}

#[test]
fn starts_and_metadata_go_along() {
    let mut reading = Reading::new(rules("[]"));
    let mut first = record(0, vec![(1, series("jobs_total", "x"))], vec![(1, 99_000, 1.0)]);
    first.starts = vec![(1, 99_000, 50_000)];
    first.metadata = vec![MetricMetadata {
        metric: "jobs".to_owned(),
        metric_type: MetricType::Counter,
        help: "Jobs.".to_owned(),
        unit: String::new(),
    }];
    pass(&mut reading, first);
    reading.begin_epoch();
    let again = record(1, vec![(1, series("jobs_total", "x"))], vec![(1, 99_500, 2.0)]);
    let (items, _) = pass(&mut reading, again);
    assert_eq!(items[0].outgoing.start_ms, 50_000, "an epoch forgets no start");
    let metadata = items[0].outgoing.metadata.as_deref().expect("of the family");
    assert_eq!(metadata.help, "Jobs.");
}

#[test]
fn other_tenants_stay() {
    let mut reading = Reading::new(rules("[]"));
    let mut foreign = record(0, vec![(1, series("a", "x"))], vec![(1, 99_000, 1.0)]);
    foreign.tenant = TenantId::new("other").expect("a name");
    assert_eq!(
        pass(&mut reading, foreign).1,
        [(ItemKind::Float, SkipReason::OtherTenant)]
    );
}
