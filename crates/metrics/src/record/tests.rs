//! Records come back, torn ones do not.

use proptest::prelude::*;
use skopos_core::histogram::{FloatHistogram, Span};
use skopos_core::metric::MetricType;

use super::*;

fn example() -> Record {
    let labels = Labels::from_pairs([("__name__", "up"), ("job", "a")]);
    let histogram = FloatHistogram {
        schema: 3,
        count: 4.0,
        positive_spans: vec![Span { offset: -2, length: 1 }],
        positive_buckets: vec![4.0],
        ..FloatHistogram::default()
    };
    let float = |reference, timestamp_ms| FloatSample {
        reference,
        timestamp_ms,
        value: 1.5,
    };
    Record {
        definitions: vec![(7, labels.clone())],
        floats: vec![float(7, 1000), float(3, 900)],
        histograms: vec![(7, 900, Arc::new(histogram))],
        starts: vec![StartSample {
            reference: 7,
            timestamp_ms: 1000,
            start_ms: 10,
        }],
        exemplars: vec![(
            7,
            Exemplar {
                labels,
                timestamp_ms: 5,
                value: 2.0,
            },
        )],
        metadata: vec![MetricMetadata {
            metric: "up".into(),
            metric_type: MetricType::Gauge,
            help: "h".into(),
            unit: String::new(),
        }],
        deletions: vec![Deletion {
            matchers: vec![Matcher::equal("job", "a")],
            range: TimeRange::ALL,
        }],
        ..Record::new(TenantId::default())
    }
}

#[test]
fn records_come_back_and_torn_ones_do_not() {
    let bytes = example().encode();
    let back = decode(&bytes).expect("decodes");
    assert_eq!(format!("{back:?}"), format!("{:?}", example()));
    for end in 0..bytes.len() {
        assert!(decode(&bytes[..end]).is_none(), "cut at {end}");
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(decode(&bytes));
    }
}
