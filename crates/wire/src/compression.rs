//! Bounded decompression of request and scrape bodies. Never inflates past the limit it is given.

use std::io::Read;

use flate2::read::{GzDecoder, ZlibDecoder};

/// A `Content-Encoding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As is.
    Identity,
    /// gzip, RFC 1952.
    Gzip,
    /// `deflate`: zlib, RFC 1950, and raw deflate, RFC 1951, which some senders mean by it.
    Deflate,
    /// The snappy block format (not framed).
    Snappy,
    /// Zstandard, RFC 8878.
    Zstd,
}

/// Why a body was not decompressed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompressionError {
    /// The header names a coding that is not known.
    #[error("Content-Encoding {name:?} not supported: send identity, gzip, deflate, snappy or zstd")]
    Unsupported {
        /// The header's value.
        name: String,
    },
    /// The body would be larger than allowed.
    #[error("decompressed body is larger than the limit of {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// The body is not what the header says.
    #[error("body is not valid {encoding}: {reason}")]
    Corrupt {
        /// The coding.
        encoding: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl Encoding {
    /// Reads the value of a `Content-Encoding` header, of any case; an empty one is identity.
    pub fn from_header(value: &str) -> Result<Self, CompressionError> {
        match value.trim().to_ascii_lowercase().as_str() {
            "" | "identity" | "none" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "deflate" => Ok(Self::Deflate),
            "snappy" => Ok(Self::Snappy),
            "zstd" => Ok(Self::Zstd),
            _ => Err(CompressionError::Unsupported {
                name: value.chars().take(64).collect(),
            }),
        }
    }

    /// The coding's name in headers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Snappy => "snappy",
            Self::Zstd => "zstd",
        }
    }
}

/// Decompresses `body` into at most `limit_bytes` bytes.
pub fn decompress(encoding: Encoding, body: &[u8], limit_bytes: usize) -> Result<Vec<u8>, CompressionError> {
    match encoding {
        Encoding::Identity if body.len() > limit_bytes => Err(CompressionError::TooLarge { limit_bytes }),
        Encoding::Identity => Ok(body.to_vec()),
        Encoding::Gzip => read_bounded(GzDecoder::new(body), "gzip", limit_bytes),
        Encoding::Deflate => inflate(body, limit_bytes),
        Encoding::Snappy => unsnap(body, limit_bytes),
        Encoding::Zstd => {
            let decoder = zstd::stream::read::Decoder::new(body).map_err(|error| corrupt("zstd", &error))?;
            read_bounded(decoder, "zstd", limit_bytes)
        }
    }
}

fn inflate(body: &[u8], limit_bytes: usize) -> Result<Vec<u8>, CompressionError> {
    match read_bounded(ZlibDecoder::new(body), "deflate", limit_bytes) {
        Err(CompressionError::Corrupt { .. }) => {
            read_bounded(flate2::read::DeflateDecoder::new(body), "deflate", limit_bytes)
        }
        done => done,
    }
}

fn unsnap(body: &[u8], limit_bytes: usize) -> Result<Vec<u8>, CompressionError> {
    let mut out = Vec::new();
    let length = unsnap_into(body, limit_bytes, &mut out)?.len();
    out.truncate(length);
    Ok(out)
}

/// Decompresses a snappy block to the front of `buffer`, which grows where it must and whose bytes
/// are written over.
pub(crate) fn unsnap_into<'a>(
    body: &[u8],
    limit_bytes: usize,
    buffer: &'a mut Vec<u8>,
) -> Result<&'a [u8], CompressionError> {
    let length = snap::raw::decompress_len(body).map_err(|error| corrupt("snappy", &error))?;
    if length > limit_bytes {
        return Err(CompressionError::TooLarge { limit_bytes });
    }
    if buffer.len() < length {
        buffer.resize(length, 0);
    }
    let written = snap::raw::Decoder::new()
        .decompress(body, buffer)
        .map_err(|error| corrupt("snappy", &error))?;
    Ok(buffer.get(..written).unwrap_or_default())
}

/// Compresses to a snappy block. Fails beyond 4 GiB, which is the most that a block can hold.
pub fn snappy_block(body: &[u8]) -> Result<Vec<u8>, CompressionError> {
    snap::raw::Encoder::new()
        .compress_vec(body)
        .map_err(|error| corrupt("snappy", &error))
}

fn read_bounded(reader: impl Read, encoding: &'static str, limit_bytes: usize) -> Result<Vec<u8>, CompressionError> {
    let mut out = Vec::new();
    reader
        .take(limit_bytes as u64 + 1)
        .read_to_end(&mut out)
        .map_err(|error| corrupt(encoding, &error))?;
    if out.len() > limit_bytes {
        return Err(CompressionError::TooLarge { limit_bytes });
    }
    Ok(out)
}

fn corrupt(encoding: &'static str, error: &dyn std::fmt::Display) -> CompressionError {
    CompressionError::Corrupt {
        encoding,
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn packed(encoding: Encoding, body: &[u8]) -> Vec<u8> {
        match encoding {
            Encoding::Identity => body.to_vec(),
            Encoding::Gzip => {
                let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                writer.write_all(body).expect("writes to memory");
                writer.finish().expect("writes to memory")
            }
            Encoding::Deflate => {
                let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
                writer.write_all(body).expect("writes to memory");
                writer.finish().expect("writes to memory")
            }
            Encoding::Snappy => snap::raw::Encoder::new().compress_vec(body).expect("short input"),
            Encoding::Zstd => zstd::encode_all(body, 1).expect("writes to memory"),
        }
    }

    const ALL: [Encoding; 5] = [
        Encoding::Identity,
        Encoding::Gzip,
        Encoding::Deflate,
        Encoding::Snappy,
        Encoding::Zstd,
    ];

    #[test]
    fn every_coding_round_trips_up_to_the_limit() {
        let body = vec![b'a'; 10_000];
        for encoding in ALL {
            let sent = packed(encoding, &body);
            assert_eq!(decompress(encoding, &sent, 10_000), Ok(body.clone()), "{encoding:?}");
            assert_eq!(
                decompress(encoding, &sent, 9_999),
                Err(CompressionError::TooLarge { limit_bytes: 9_999 }),
                "{encoding:?}"
            );
            assert_eq!(Encoding::from_header(encoding.as_str()), Ok(encoding));
        }
    }

    #[test]
    fn raw_deflate_is_taken_too() {
        let mut writer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(b"raw").expect("writes to memory");
        let sent = writer.finish().expect("writes to memory");
        assert_eq!(decompress(Encoding::Deflate, &sent, 10), Ok(b"raw".to_vec()));
    }

    #[test]
    fn a_body_that_is_something_else_is_corrupt() {
        for encoding in ALL.into_iter().filter(|encoding| *encoding != Encoding::Identity) {
            let error = decompress(encoding, b"\x0cplain text", 100).expect_err("not compressed");
            assert!(matches!(error, CompressionError::Corrupt { .. }), "{error}");
        }
        assert!(Encoding::from_header("br2").is_err());
        assert_eq!(Encoding::from_header(" GZIP "), Ok(Encoding::Gzip));
    }
}
