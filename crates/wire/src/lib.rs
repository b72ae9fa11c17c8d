//! Decoders and encoders of outside formats: bytes in, the model of `skopos-core` out, and back.
//!
//! ```text
//!   body ─▶ compression (bounded) ─▶ otlp       ─▶ SpanBatch, LogBatch
//!                                 ─▶ jaeger     ─▶ SpanBatch
//!                                 ─▶ loki       ─▶ LogBatch
//!                                 ─▶ remote_write ─▶ MetricBatch
//!                                 ─▶ exposition ─▶ samples, metadata, exemplars
//! ```
//!
//! Nothing here knows storage, HTTP or a clock: times that a body lacks are arguments. No decoder
//! panics on outside bytes, and each is bounded by the length of its input or by a limit it is given.

#![deny(clippy::indexing_slicing, clippy::string_slice)]
#![cfg_attr(
    test,
    expect(clippy::indexing_slicing, reason = "tests index what they have just built")
)]

pub mod compression;
pub mod exposition;
pub mod histogram;
pub mod influx;
pub mod jaeger;
pub mod loki;
pub mod number;
pub mod otlp;
pub mod protobuf;
pub mod remote_read;
pub mod remote_write;
pub mod statsd;

#[cfg(test)]
mod tests {
    //! Where the shared test data lies.

    /// The text of a file of shared test data; the folder is `$SKOPOS_SHARED` or beside the
    /// workspace.
    pub(crate) fn shared(path: &str) -> String {
        let folder = std::env::var("SKOPOS_SHARED")
            .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").to_owned());
        let file = format!("{folder}/{path}");
        std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("test data {file}: {error}"))
    }
}
