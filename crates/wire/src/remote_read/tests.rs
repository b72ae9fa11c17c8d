//! Requests as Prometheus sends them, and answers read back.

use skopos_core::Labels;

use super::proto::{ChunkedReadResponse, LabelMatcher, Query};
use super::*;

fn request(types: &[i32], match_type: i32) -> Vec<u8> {
    let request = ReadRequest {
        queries: vec![Query {
            start_timestamp_ms: 1,
            end_timestamp_ms: 2,
            matchers: vec![LabelMatcher {
                match_type,
                name: "job".to_owned(),
                value: "a|b".to_owned(),
            }],
        }],
        accepted_response_types: types.to_vec(),
    };
    crate::compression::snappy_block(&request.encode_to_vec()).expect("a small block")
}

#[test]
fn reads_requests() {
    let read = decode_remote_read(&request(&[1, 0], 2), 1 << 20).expect("a valid request");
    assert_eq!(read.accepted, [ResponseType::StreamedXorChunks, ResponseType::Samples]);
    assert_eq!(read.queries[0].range, TimeRange::new(1, 2));
    assert!(read.queries[0].matchers[0].matches("b"));
    let read = decode_remote_read(&request(&[], 0), 1 << 20).expect("a valid request");
    assert_eq!(read.accepted, [ResponseType::Samples]);
    assert!(matches!(
        decode_remote_read(&request(&[7], 0), 1 << 20),
        Err(RemoteReadError::ResponseType(_))
    ));
    assert!(matches!(
        decode_remote_read(&request(&[0], 9), 1 << 20),
        Err(RemoteReadError::Matcher(_))
    ));
    assert!(decode_remote_read(b"no snappy", 1 << 20).is_err());
}

fn series(samples: usize) -> Series {
    let times = (0..samples as i64).map(|at| 1_000 + at * 15_000 + at % 7 * (at % 3));
    Series {
        labels: Labels::from_pairs([("__name__", "m"), ("job", "a")]),
        timestamps_ms: times.collect(),
        values: (0..samples)
            .map(|at| if at == 3 { f64::NAN } else { at as f64 / 3.0 })
            .collect(),
        ..Series::default()
    }
}

#[test]
fn samples_are_read_back() {
    let body = encode_samples(&[vec![series(3)], Vec::new()]).expect("a small block");
    let body = decompress(Encoding::Snappy, &body, 1 << 20).expect("a snappy block");
    let response = ReadResponse::decode(body.as_slice()).expect("a message");
    assert_eq!(response.results.len(), 2);
    let sent = &response.results[0].timeseries[0];
    assert_eq!(sent.labels[1].value, "a");
    assert_eq!(sent.samples[2].timestamp, series(3).timestamps_ms[2]);
}

/// Frames, their checksums, and the bits of each chunk.
#[test]
fn streamed_chunks_are_read_back() {
    let sent = series(1000);
    let mut out = Vec::new();
    ChunkFrames::new(4, 500).push(&sent, &mut out);
    let (mut rest, mut times, mut values, mut frames) = (out.as_slice(), Vec::new(), Vec::new(), 0);
    while !rest.is_empty() {
        let length = prost::encoding::decode_varint(&mut rest).expect("a length") as usize;
        let (checksum, after) = rest.split_at(4);
        let (data, after) = after.split_at(length);
        assert_eq!(checksum, crc32c::crc32c(data).to_be_bytes());
        let message = ChunkedReadResponse::decode(data).expect("a message");
        assert_eq!(message.query_index, 4);
        for chunk in &message.chunked_series[0].chunks {
            let start = times.len();
            read_chunk(&chunk.data, &mut times, &mut values);
            assert_eq!(times[start], chunk.min_time_ms);
            assert_eq!(times.last(), Some(&chunk.max_time_ms));
        }
        (rest, frames) = (after, frames + 1);
    }
    assert!(frames > 2, "{frames} frames for {} bytes", out.len());
    assert_eq!(times, sent.timestamps_ms);
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&values), bits(&sent.values));
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, width: u32) -> u64 {
        let mut value = 0;
        for _ in 0..width {
            value = value << 1 | u64::from(self.bytes[self.at / 8] >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        value
    }

    fn varint(&mut self) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.take(8);
            value |= (byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    }

    fn change(&mut self) -> i64 {
        let width = (0..4).take_while(|_| self.take(1) == 1).count();
        let width = [0, 14, 17, 20, 64][width];
        let bits = self.take(width);
        if width == 0 || width == 64 || bits <= 1 << (width - 1) {
            return bits.cast_signed();
        }
        bits.cast_signed() - (1 << width)
    }
}

fn read_chunk(data: &[u8], times: &mut Vec<i64>, values: &mut Vec<f64>) {
    let mut bits = Bits { bytes: data, at: 0 };
    let samples = bits.take(16);
    let (mut time, mut delta, mut value, mut leading, mut trailing) = (0i64, 0i64, 0u64, 0, 0);
    for at in 0..samples {
        if at == 0 {
            let zigzag = bits.varint();
            time = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
            value = bits.take(64);
        } else {
            delta = if at == 1 {
                bits.varint().cast_signed()
            } else {
                delta + bits.change()
            };
            time += delta;
            if bits.take(1) == 1 {
                if bits.take(1) == 1 {
                    leading = bits.take(5) as u32;
                    let width = match bits.take(6) as u32 {
                        0 => 64,
                        width => width,
                    };
                    trailing = 64 - leading - width;
                }
                value ^= bits.take(64 - leading - trailing) << trailing;
            }
        }
        times.push(time);
        values.push(f64::from_bits(value));
    }
}
