"""Prometheus' remote write 1.0: protobuf by hand, in Snappy's block format without compression.

Labels are encoded once per series; only samples are encoded for each request.
"""

import struct

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
LITERAL_BYTES = 1 << 16


def varint(value):
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def field(number, body):
    return varint(number << 3 | 2) + varint(len(body)) + body


def labels(pairs):
    """The labels of a series, sorted by name, as `TimeSeries.labels`."""
    encoded = [field(1, field(1, name.encode()) + field(2, value.encode())) for name, value in sorted(pairs.items())]
    return b"".join(encoded)


def sample(value, timestamp_ms):
    """`TimeSeries.samples`."""
    return field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + varint(timestamp_ms))


def series(encoded_labels, encoded_samples):
    """`WriteRequest.timeseries`."""
    return field(1, encoded_labels + encoded_samples)


def compressed(body):
    """Snappy's block format, with literals only."""
    parts = [varint(len(body))]
    for start in range(0, len(body), LITERAL_BYTES):
        literal = body[start:start + LITERAL_BYTES]
        parts += [b"\xf4", struct.pack("<H", len(literal) - 1), literal]
    return b"".join(parts)
