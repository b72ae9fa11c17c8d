//! The record of the write-ahead log: a batch of spans with one table of strings, and with each
//! resource and scope written once. The head keeps its spans in the same form and decodes them
//! when they are asked for. The layout is in `docs/formats/traces.md`.

mod bytes;
mod decode;
mod encode;

pub(crate) use decode::{RecordError, SpanBlock, SpanSummary};
pub(crate) use encode::encode;

/// First byte of each record.
pub(crate) const VERSION: u8 = 1;
/// Deepest nesting of attribute values.
pub(crate) const MAX_DEPTH: usize = 32;

/// Bits of a span's flag byte: which optional parts it has.
pub(crate) mod flag {
    pub(crate) const PARENT: u8 = 1;
    pub(crate) const TRACE_STATE: u8 = 2;
    pub(crate) const STATUS_MESSAGE: u8 = 4;
    pub(crate) const ATTRIBUTES: u8 = 8;
    pub(crate) const EVENTS: u8 = 16;
    pub(crate) const LINKS: u8 = 32;
}

/// Tags of attribute values.
pub(crate) mod tag {
    pub(crate) const STRING: u8 = 0;
    pub(crate) const FALSE: u8 = 1;
    pub(crate) const TRUE: u8 = 2;
    pub(crate) const INT: u8 = 3;
    pub(crate) const DOUBLE: u8 = 4;
    pub(crate) const BYTES: u8 = 5;
    pub(crate) const ARRAY: u8 = 6;
    pub(crate) const MAP: u8 = 7;
}

#[cfg(test)]
mod tests;
