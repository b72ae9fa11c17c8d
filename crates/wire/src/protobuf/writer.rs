//! Writes a protobuf message field by field: for messages that are too frequent to be built first.

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const DELIMITED: u64 = 2;

/// Appends fields to bytes. Scalars that are zero are left out, as proto3 has it; elements of lists
/// are written as they are.
#[derive(Debug, Default)]
pub struct MessageWriter {
    bytes: Vec<u8>,
}

impl MessageWriter {
    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// What was written so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// An unsigned number or an enum.
    pub fn uint(&mut self, number: u32, value: u64) {
        if value != 0 {
            self.key(number, VARINT);
            push_varint(&mut self.bytes, value);
        }
    }

    /// A signed number that is not zigzag coded.
    pub fn int(&mut self, number: u32, value: i64) {
        self.uint(number, value as u64);
    }

    /// A zigzag coded number.
    pub fn sint(&mut self, number: u32, value: i64) {
        self.uint(number, ((value << 1) ^ (value >> 63)) as u64);
    }

    /// A float.
    pub fn double(&mut self, number: u32, value: f64) {
        if value.to_bits() != 0 {
            self.some_double(number, value);
        }
    }

    /// A float of a `oneof`, which is written whatever it is.
    pub fn some_double(&mut self, number: u32, value: f64) {
        self.key(number, FIXED64);
        self.bytes.extend_from_slice(&value.to_bits().to_le_bytes());
    }

    /// A text.
    pub fn text(&mut self, number: u32, text: &str) {
        if !text.is_empty() {
            self.element(number, text);
        }
    }

    /// A text of a list.
    pub fn element(&mut self, number: u32, text: &str) {
        self.key(number, DELIMITED);
        push_varint(&mut self.bytes, text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Packed floats.
    pub fn doubles(&mut self, number: u32, values: &[f64]) {
        if values.is_empty() {
            return;
        }
        self.key(number, DELIMITED);
        push_varint(&mut self.bytes, values.len() as u64 * 8);
        for value in values {
            self.bytes.extend_from_slice(&value.to_bits().to_le_bytes());
        }
    }

    /// A message within this one.
    pub fn message(&mut self, number: u32, write: impl FnOnce(&mut Self)) {
        self.delimited(number, write);
    }

    /// Packed numbers.
    pub fn uints(&mut self, number: u32, values: impl IntoIterator<Item = u64>) {
        let mut values = values.into_iter().peekable();
        if values.peek().is_some() {
            self.delimited(number, |out| {
                for value in values {
                    push_varint(&mut out.bytes, value);
                }
            });
        }
    }

    /// The length is only known afterwards: one byte is kept free for it, which mostly is enough.
    fn delimited(&mut self, number: u32, write: impl FnOnce(&mut Self)) {
        self.key(number, DELIMITED);
        let at = self.bytes.len();
        self.bytes.push(0);
        write(self);
        let length = (self.bytes.len() - at - 1) as u64;
        let mut prefix = Vec::new();
        push_varint(&mut prefix, length);
        self.bytes.splice(at..=at, prefix);
    }

    fn key(&mut self, number: u32, wire_type: u64) {
        push_varint(&mut self.bytes, u64::from(number) << 3 | wire_type);
    }
}

fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}
