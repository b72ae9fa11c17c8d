//! Log records: one per append, with the tenant and its streams in full.

use skopos_core::log::{LogBatch, LogEntry, StreamBatch};
use skopos_core::{Labels, TenantId};
use skopos_storage::codec::{Reader, Writer};

const VERSION: u64 = 1;

/// A batch of a tenant as bytes.
pub(crate) fn encode(tenant: &TenantId, batch: &LogBatch) -> Vec<u8> {
    let mut out = Writer::default();
    out.u64(VERSION);
    out.text(tenant.as_str());
    out.u64(batch.streams.len() as u64);
    for stream in &batch.streams {
        out.text(stream.labels.encoded());
        out.u64(stream.entries.len() as u64);
        let mut previous_ns = 0;
        for entry in &stream.entries {
            out.i64(entry.timestamp_ns.wrapping_sub(previous_ns));
            previous_ns = entry.timestamp_ns;
            out.text(&entry.line);
            out.text(entry.structured_metadata.encoded());
        }
    }
    out.into_bytes()
}

/// Reads what [`encode`] wrote; `None` for other bytes.
pub(crate) fn decode(bytes: &[u8]) -> Option<(TenantId, LogBatch)> {
    let mut input = Reader::new(bytes);
    if input.u64()? != VERSION {
        return None;
    }
    let tenant = TenantId::new(input.text()?).ok()?;
    let mut batch = LogBatch::default();
    for _ in 0..input.length()? {
        batch.streams.push(decode_stream(&mut input)?);
    }
    input.is_empty().then_some((tenant, batch))
}

fn decode_stream(input: &mut Reader<'_>) -> Option<StreamBatch> {
    let labels = Labels::from_encoded(input.text()?)?;
    let mut entries = Vec::new();
    let mut timestamp_ns = 0i64;
    for _ in 0..input.length()? {
        timestamp_ns = timestamp_ns.wrapping_add(input.i64()?);
        entries.push(LogEntry {
            timestamp_ns,
            line: input.text()?.to_owned(),
            structured_metadata: Labels::from_encoded(input.text()?)?,
        });
    }
    Some(StreamBatch { labels, entries })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn batches_come_back_and_torn_ones_do_not() {
        let entry = |timestamp_ns, line: &str| LogEntry {
            timestamp_ns,
            line: line.to_owned(),
            structured_metadata: Labels::from_pairs([("trace_id", "ab")]),
        };
        let batch = LogBatch {
            streams: vec![StreamBatch {
                labels: Labels::from_pairs([("job", "a")]),
                entries: vec![entry(20, "späť"), entry(-5, "")],
            }],
        };
        let bytes = encode(&TenantId::default(), &batch);
        assert_eq!(decode(&bytes), Some((TenantId::default(), batch)));
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end]), None);
        }
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(decode(&bytes).is_none_or(|(tenant, _)| !tenant.as_str().is_empty()));
        }
    }
}
