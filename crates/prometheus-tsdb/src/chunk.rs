//! Chunks: the samples of one series over a stretch of time, in one of Prometheus' encodings.

use skopos_core::metric::Series;

use crate::histogram;
use crate::xor;

/// Longest chunk that is read. Chunks of floats are of about a kilobyte; one of histograms holds
/// ten of them however large they are.
pub(crate) const MAX_CHUNK_BYTES: u64 = 4 * 1024 * 1024;

/// How a chunk is encoded (`tsdb/chunkenc/chunk.go`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChunkEncoding {
    /// Floats.
    Xor,
    /// Native histograms of integer counts.
    Histogram,
    /// Native histograms of float counts.
    FloatHistogram,
    /// Anything else, by its number. 4 is XOR2, an experiment of Prometheus 3.
    Other(u8),
}

impl ChunkEncoding {
    /// The encoding of a number.
    pub const fn of(number: u8) -> Self {
        match number {
            1 => Self::Xor,
            2 => Self::Histogram,
            3 => Self::FloatHistogram,
            other => Self::Other(other),
        }
    }
}

/// Why a chunk gives no samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChunkProblem {
    /// Its encoding is not known here.
    #[error("chunks of encoding {0} are not known (1 XOR, 2 histogram, 3 float histogram are)")]
    Encoding(u8),
    /// Its bytes end too early, or contradict themselves.
    #[error("the chunk is no valid {0}")]
    Invalid(&'static str),
}

/// Appends the samples of a chunk to `out`, floats to floats and histograms to histograms. After an
/// error some of them may have been appended.
pub fn decode_chunk(encoding: ChunkEncoding, data: &[u8], out: &mut Series) -> Result<(), ChunkProblem> {
    let decoded = match encoding {
        ChunkEncoding::Xor => decode_xor(data, out).ok_or("XOR chunk"),
        ChunkEncoding::Histogram => histogram::decode(data, histogram::Counts::Integers, out).ok_or("histogram chunk"),
        ChunkEncoding::FloatHistogram => {
            histogram::decode(data, histogram::Counts::Floats, out).ok_or("float histogram chunk")
        }
        ChunkEncoding::Other(number) => return Err(ChunkProblem::Encoding(number)),
    };
    decoded.map_err(ChunkProblem::Invalid)
}

fn decode_xor(data: &[u8], out: &mut Series) -> Option<()> {
    let (count, samples) = data.split_first_chunk()?;
    let count = u32::from(u16::from_be_bytes(*count));
    xor::decode(samples, count, &mut out.timestamps_ms, &mut out.values)
}
