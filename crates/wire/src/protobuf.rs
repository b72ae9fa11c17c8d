//! A protobuf message field by field, borrowing from its bytes: for messages that are too frequent
//! to be read into owned structures.

mod writer;

use std::str;

pub use writer::MessageWriter;

/// Most bytes of a varint.
const MAX_VARINT_BYTES: usize = 10;

/// Bytes that are no protobuf message, or not the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufError {
    /// The bytes end within a field.
    #[error("unexpected end of the message")]
    Truncated,
    /// A number is longer than 64 bits.
    #[error("a varint is longer than 64 bits")]
    Varint,
    /// A field has the number 0 or one beyond 2^29.
    #[error("a field has an invalid number")]
    FieldNumber,
    /// A group, or a wire type that does not exist.
    #[error("a field has the unsupported wire type {0}")]
    WireType(u8),
    /// A field is of another type than its message says.
    #[error("field {0} has an unexpected wire type")]
    FieldType(u32),
    /// A text is not UTF-8.
    #[error("a text is not valid UTF-8")]
    Utf8,
    /// A message refers to something that it does not have.
    #[error("{0}")]
    Reference(&'static str),
}

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Integers, enums, bools.
    Varint(u64),
    /// `fixed64`, `double`.
    Fixed64(u64),
    /// `fixed32`, `float`.
    Fixed32(u32),
    /// Texts, bytes, messages, packed lists.
    Bytes(&'a [u8]),
}

/// A field of a message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field<'a> {
    /// Its number.
    pub number: u32,
    /// Its value.
    pub value: Value<'a>,
}

impl<'a> Field<'a> {
    fn unexpected<T>(self) -> Result<T, ProtobufError> {
        Err(ProtobufError::FieldType(self.number))
    }

    /// An unsigned integer.
    pub fn uint(self) -> Result<u64, ProtobufError> {
        match self.value {
            Value::Varint(number) => Ok(number),
            _ => self.unexpected(),
        }
    }

    /// An `int64` or `int32`: two's complement.
    pub fn int(self) -> Result<i64, ProtobufError> {
        Ok(self.uint()? as i64)
    }

    /// A `sint32` or `sint64`: zigzag.
    pub fn sint(self) -> Result<i64, ProtobufError> {
        Ok(zigzag(self.uint()?))
    }

    /// A `sint32`, cut to its 32 bits.
    pub fn sint32(self) -> Result<i32, ProtobufError> {
        Ok(self.sint()? as i32)
    }

    /// A `double`.
    pub fn double(self) -> Result<f64, ProtobufError> {
        match self.value {
            Value::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => self.unexpected(),
        }
    }

    /// Bytes, a message or a packed list.
    pub fn bytes(self) -> Result<&'a [u8], ProtobufError> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => self.unexpected(),
        }
    }

    /// A message, to be read field by field.
    pub fn message(self) -> Result<Fields<'a>, ProtobufError> {
        self.bytes().map(Fields::new)
    }

    /// A text.
    pub fn text(self) -> Result<&'a str, ProtobufError> {
        str::from_utf8(self.bytes()?).map_err(|_| ProtobufError::Utf8)
    }

    /// Adds the `double`s of a repeated field, packed or not.
    pub fn doubles(self, out: &mut Vec<f64>) -> Result<(), ProtobufError> {
        let Value::Bytes(packed) = self.value else {
            out.push(self.double()?);
            return Ok(());
        };
        let (numbers, rest) = packed.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(ProtobufError::Truncated);
        }
        out.extend(numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)));
        Ok(())
    }

    /// Calls `take` with each varint of a repeated field, packed or not.
    pub fn varints(self, mut take: impl FnMut(u64)) -> Result<(), ProtobufError> {
        match self.value {
            Value::Varint(number) => take(number),
            Value::Bytes(packed) => {
                let mut fields = Fields::new(packed);
                while !fields.rest.is_empty() {
                    take(fields.varint()?);
                }
            }
            _ => return self.unexpected(),
        }
        Ok(())
    }
}

/// Undoes the zigzag coding of signed integers.
pub const fn zigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// The fields of a message, in the order they come.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields of the message in `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Takes a message that is preceded by its length, as a stream of messages has it.
    pub fn delimited(&mut self) -> Option<Result<&'a [u8], ProtobufError>> {
        (!self.rest.is_empty()).then(|| self.length_delimited())
    }

    /// The next field. `None` at the end; after an error there is nothing more.
    #[expect(
        clippy::should_implement_trait,
        reason = "it is one, and its error is to be handled with ?"
    )]
    #[inline]
    pub fn next(&mut self) -> Result<Option<Field<'a>>, ProtobufError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| ProtobufError::FieldNumber)?;
        if number == 0 || number >= 1 << 29 {
            return Err(ProtobufError::FieldNumber);
        }
        let value = match (key & 7) as u8 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.fixed()?)),
            2 => Value::Bytes(self.length_delimited()?),
            5 => Value::Fixed32(u32::from_le_bytes(self.fixed()?)),
            other => return Err(ProtobufError::WireType(other)),
        };
        Ok(Some(Field { number, value }))
    }

    #[inline]
    fn length_delimited(&mut self) -> Result<&'a [u8], ProtobufError> {
        let length = usize::try_from(self.varint()?).map_err(|_| ProtobufError::Truncated)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(ProtobufError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], ProtobufError> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or(ProtobufError::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, ProtobufError> {
        // Keys and lengths are mostly one byte.
        if let Some((byte, rest)) = self.rest.split_first()
            && *byte < 0x80
        {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, ProtobufError> {
        let mut number = 0u64;
        for (at, byte) in self.rest.iter().enumerate().take(MAX_VARINT_BYTES) {
            let shift = 7 * at as u32;
            if shift == 63 && *byte > 1 {
                return Err(ProtobufError::Varint);
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                self.rest = self.rest.get(at + 1..).unwrap_or_default();
                return Ok(number);
            }
        }
        Err(if self.rest.len() < MAX_VARINT_BYTES {
            ProtobufError::Truncated
        } else {
            ProtobufError::Varint
        })
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    #[derive(Clone, PartialEq, Message)]
    struct Sent {
        #[prost(sint64, repeated, tag = "1")]
        packed: Vec<i64>,
        #[prost(double, repeated, packed = "false", tag = "2")]
        loose: Vec<f64>,
        #[prost(string, tag = "3")]
        text: String,
        #[prost(int64, tag = "4")]
        int: i64,
        #[prost(float, tag = "5")]
        float: f32,
    }

    #[test]
    fn fields_are_read_as_they_were_written() {
        let sent = Sent {
            packed: vec![0, -1, i64::MAX, i64::MIN],
            loose: vec![1.5, -0.0],
            text: "é".to_owned(),
            int: -7,
            float: 2.5,
        };
        let bytes = sent.encode_to_vec();
        let mut read = Sent::default();
        let mut fields = Fields::new(&bytes);
        while let Some(field) = fields.next().expect("well written") {
            match field.number {
                1 => field
                    .varints(|number| read.packed.push(zigzag(number)))
                    .expect("varints"),
                2 => field.doubles(&mut read.loose).expect("doubles"),
                3 => field.text().expect("a text").clone_into(&mut read.text),
                4 => read.int = field.int().expect("an int"),
                _ => assert_eq!(field.value, Value::Fixed32(2.5f32.to_bits())),
            }
        }
        read.float = 2.5;
        assert_eq!(read, sent);
    }

    #[test]
    fn what_is_broken_is_said() {
        for (bytes, error) in [
            (&[0x08][..], ProtobufError::Truncated),
            (&[0x12, 5, 1], ProtobufError::Truncated),
            (&[0x09, 1], ProtobufError::Truncated),
            (&[0x00, 1], ProtobufError::FieldNumber),
            (&[0x0b], ProtobufError::WireType(3)),
            (&[0xff; 11], ProtobufError::Varint),
        ] {
            assert_eq!(Fields::new(bytes).next(), Err(error), "{bytes:?}");
        }
        let field = Fields::new(&[0x08, 1]).next().expect("a field").expect("one");
        assert_eq!(field.text(), Err(ProtobufError::FieldType(1)));
    }
}
