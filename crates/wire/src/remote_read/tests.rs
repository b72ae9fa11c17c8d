//! Requests as Prometheus sends them, and answers read back.

use std::sync::Arc;

use proptest::prelude::{any, proptest};
use skopos_core::metric::{ResolutionLimit, Selection};
use skopos_core::{Labels, QueryBudget};

use super::proto::{Chunk, ChunkedReadResponse, ChunkedSeries, LabelMatcher, Query};
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
            hints: None,
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

/// What is asked is what a server reads.
#[test]
fn requests_are_read_back() {
    let matchers = [
        Matcher::equal("job", "a"),
        Matcher::new(MatchOp::NotRegex, "x", "a|b").expect("a pattern"),
    ];
    let body = encode_read(&Selection {
        matchers: &matchers,
        range: TimeRange::new(-5, 7),
        step_ms: 15_000,
        resolution: ResolutionLimit::KEPT,
    });
    let read = decode_remote_read(&body.expect("a small block"), 1 << 20).expect("a valid request");
    assert_eq!(read.accepted, [ResponseType::StreamedXorChunks, ResponseType::Samples]);
    assert_eq!(read.queries.len(), 1);
    assert_eq!(read.queries[0].range, TimeRange::new(-5, 7));
    let shown = |matchers: &[Matcher]| matchers.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(shown(&read.queries[0].matchers), shown(&matchers));
}

#[test]
fn answers_with_samples_are_read() {
    let mut sent = series(3);
    sent.histogram_timestamps_ms = vec![99];
    sent.histograms = vec![Arc::new(FloatHistogram {
        count: 3.0,
        sum: 4.5,
        positive_spans: vec![Span { offset: 1, length: 2 }],
        positive_buckets: vec![1.0, 2.0],
        ..FloatHistogram::default()
    })];
    let body = encode_samples(&[vec![sent.clone()]]).expect("a small block");
    let budget = QueryBudget::new(4, None);
    let read = decode_samples(&body, 1 << 20, &budget).expect("an answer");
    assert_eq!(budget.peak_samples(), 4);
    assert_eq!(read[0].labels, sent.labels);
    assert_eq!(read[0].timestamps_ms, sent.timestamps_ms);
    assert_eq!(read[0].histograms, sent.histograms);
    let too_many = decode_samples(&body, 1 << 20, &QueryBudget::new(3, None));
    assert!(matches!(too_many, Err(AnswerError::Budget(_))), "{too_many:?}");
    let too_long = decode_samples(&body, 10, &budget);
    assert!(matches!(too_long, Err(AnswerError::Compression(_))), "{too_long:?}");
    let none = encode_samples(&[]).expect("a small block");
    assert_eq!(decode_samples(&none, 1 << 20, &budget), Err(AnswerError::Results(0)));
}

fn frames() -> Vec<u8> {
    let mut out = Vec::new();
    ChunkFrames::new(0, 500).push(&series(1000), &mut out);
    out
}

/// Whatever the pieces are in which the bytes come.
#[test]
fn answers_of_frames_are_read() {
    let (sent, bytes) = (series(1000), frames());
    for size in [1, 7, 100, bytes.len()] {
        let (mut reader, mut read) = (ChunkReader::new(1 << 20), Vec::new());
        for piece in bytes.chunks(size) {
            read.extend(reader.push(piece, &QueryBudget::unbounded()).expect("whole frames"));
        }
        reader.finish().expect("nothing is left");
        assert!(read.iter().all(|series| series.labels == sent.labels));
        let times: Vec<i64> = read.iter().flat_map(|series| series.timestamps_ms.clone()).collect();
        assert_eq!(times, sent.timestamps_ms);
    }
}

#[test]
fn broken_frames_are_refused() {
    let (bytes, budget) = (frames(), QueryBudget::unbounded());
    let read = |bytes: &[u8], limit: u64| ChunkReader::new(limit).push(bytes, &budget);
    assert!(matches!(read(&bytes, 100), Err(AnswerError::FrameTooLarge { .. })));
    assert_eq!(read(&[0xff; 11], 100), Err(AnswerError::Length));
    let mut reader = ChunkReader::new(1 << 20);
    reader
        .push(&bytes[..bytes.len() - 1], &budget)
        .expect("whole frames before it");
    assert_eq!(reader.finish(), Err(AnswerError::Cut));
    let mut damaged = bytes.clone();
    *damaged.last_mut().expect("a byte") ^= 1;
    assert_eq!(read(&damaged, 1 << 20), Err(AnswerError::Checksum));
    let few = ChunkReader::new(1 << 20).push(&bytes, &QueryBudget::new(999, None));
    assert!(matches!(few, Err(AnswerError::Budget(_))), "{few:?}");
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), at in 0usize..400) {
        let budget = QueryBudget::unbounded();
        drop(decode_samples(&bytes, 1 << 16, &budget));
        drop(ChunkReader::new(1 << 16).push(&bytes, &budget));
        // A frame whose message is damaged and whose checksum is right.
        let message = ChunkedReadResponse {
            chunked_series: vec![ChunkedSeries {
                labels: Vec::new(),
                chunks: vec![Chunk { encoding: at as i32 % 4, data: bytes, ..Chunk::default() }],
            }],
            query_index: 0,
        };
        let message = message.encode_to_vec();
        let mut frame = Vec::new();
        prost::encoding::encode_varint(message.len() as u64, &mut frame);
        frame.extend_from_slice(&crc32c::crc32c(&message).to_be_bytes());
        frame.extend_from_slice(&message);
        drop(ChunkReader::new(1 << 16).push(&frame, &budget));
    }
}
