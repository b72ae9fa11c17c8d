//! OTLP metric exports in both codecs, translated twice so that deltas meet what came before.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skopos_wire::otlp::{Codec, DeltaStreams, MetricOptions, decode_metrics, metric_batch};

fuzz_target!(|body: &[u8]| {
    for codec in [Codec::Protobuf, Codec::Json] {
        let Ok(request) = decode_metrics(codec, body) else {
            continue;
        };
        let mut deltas = DeltaStreams::new(16);
        for convert_histograms_to_nhcb in [false, true] {
            let options = MetricOptions {
                convert_histograms_to_nhcb,
                ..MetricOptions::default()
            };
            let out = metric_batch(&request, &options, &mut deltas, 1_700_000_000_000);
            assert!(deltas.len() <= 16);
            assert!(
                out.batch
                    .series
                    .iter()
                    .all(|series| !series.labels.metric_name().is_empty())
            );
        }
    }
});
