//! Records round trip, and broken ones are refused without a panic.

use proptest::prelude::*;
use skopos_core::TenantId;

use super::{SpanBlock, encode};
use crate::testing::{any_spans, span};

fn decode(bytes: Vec<u8>) -> Option<Vec<skopos_core::span::Span>> {
    let (_, block) = SpanBlock::parse(bytes).ok()?;
    (0..block.len()).map(|i| block.span(i).ok()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records_round_trip(spans in any_spans(8)) {
        let tenant = TenantId::default();
        let bytes = encode(&tenant, &spans);
        let (read_tenant, block) = SpanBlock::parse(bytes).expect("the record is whole");
        prop_assert_eq!(read_tenant, tenant);
        for (i, span) in spans.iter().enumerate() {
            prop_assert_eq!(&block.span(i).expect("the span is whole"), span);
        }
        prop_assert_eq!(block.len(), spans.len());
    }

    #[test]
    fn damage_is_no_panic(spans in any_spans(3), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = encode(&TenantId::default(), &spans);
        let position = at.index(bytes.len());
        bytes[position] = byte;
        decode(bytes.clone());
        bytes.truncate(position);
        decode(bytes);
    }
}

#[test]
fn shared_things_are_written_once() {
    let one = span(1, 1, 0);
    let alone = encode(&TenantId::default(), std::slice::from_ref(&one)).len();
    let many = encode(&TenantId::default(), &vec![one; 100]).len();
    assert!(many < alone + 100 * 64, "{many} bytes for 100 spans, {alone} for one");
}
