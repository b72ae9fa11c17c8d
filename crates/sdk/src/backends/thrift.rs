//! Writing Thrift's binary protocol: fields of a struct, each a type, an id and a value, all numbers big-endian.
//! <https://github.com/apache/thrift/blob/master/doc/specs/thrift-binary-protocol.md>

/// Type codes of the protocol.
const STOP: u8 = 0;
const BOOL: u8 = 2;
const DOUBLE: u8 = 4;
const I32: u8 = 8;
const I64: u8 = 10;
const STRING: u8 = 11;
const STRUCT: u8 = 12;
const LIST: u8 = 15;

/// Collects the bytes of one struct without a message header.
#[derive(Debug, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A whole struct as the outermost value.
    pub(super) fn encode(fields: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut writer = Self::default();
        writer.fields(fields);
        writer.bytes
    }

    fn fields(&mut self, fields: impl FnOnce(&mut Self)) {
        fields(self);
        self.bytes.push(STOP);
    }

    fn field(&mut self, kind: u8, id: i16) {
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&id.to_be_bytes());
    }

    fn size(&mut self, size: usize) {
        // A batch of the export queue is far below 2 GiB; a longer one would be refused by the reader.
        let size = i32::try_from(size).unwrap_or(i32::MAX);
        self.bytes.extend_from_slice(&size.to_be_bytes());
    }

    pub(super) fn bool(&mut self, id: i16, value: bool) {
        self.field(BOOL, id);
        self.bytes.push(u8::from(value));
    }

    pub(super) fn double(&mut self, id: i16, value: f64) {
        self.field(DOUBLE, id);
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn i32(&mut self, id: i16, value: i32) {
        self.field(I32, id);
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn i64(&mut self, id: i16, value: i64) {
        self.field(I64, id);
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn string(&mut self, id: i16, value: &str) {
        self.field(STRING, id);
        self.size(value.len());
        self.bytes.extend_from_slice(value.as_bytes());
    }

    pub(super) fn structure(&mut self, id: i16, fields: impl FnOnce(&mut Self)) {
        self.field(STRUCT, id);
        self.fields(fields);
    }

    /// A list of structs, each written by the given function.
    pub(super) fn list<T>(&mut self, id: i16, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        self.field(LIST, id);
        self.bytes.push(STRUCT);
        self.size(items.len());
        for value in items {
            self.fields(|writer| item(writer, value));
        }
    }
}
