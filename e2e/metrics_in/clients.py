"""Sends metrics with the client libraries that people use, one function for each way in.

    python clients.py WAY URL STATSD_PORT
"""

import sys

from influxdb_client import InfluxDBClient, Point
from influxdb_client.client.write_api import SYNCHRONOUS
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, Gauge, Summary, delete_from_gateway, push_to_gateway, pushadd_to_gateway
from statsd import StatsClient, TCPStatsClient


def push(url, _port):
    registry = CollectorRegistry()
    Gauge("backup_bytes", "Size.", ["disk"], registry=registry).labels("a/b").set(7)
    Summary("backup_seconds", "Time.", registry=registry).observe(2)
    push_to_gateway(url, job="backup", registry=registry, grouping_key={"path": "/var/tmp"})
    more = CollectorRegistry()
    Gauge("backup_files", "Files.", registry=more).set(3)
    pushadd_to_gateway(url, job="backup", registry=more, grouping_key={"path": "/var/tmp"})


def unpush(url, _port):
    delete_from_gateway(url, job="backup", grouping_key={"path": "/var/tmp"})


def influx(url, _port):
    with InfluxDBClient(url=url, token="any", org="any") as client:
        point = Point("weather").tag("city", "Oslo, north").field("temperature", 3.5).field("stations", 2).field("note", "dry")
        client.write_api(write_options=SYNCHRONOUS).write(bucket="home", record=point)


def statsd(_url, port):
    udp = StatsClient("127.0.0.1", port, prefix="shop")
    udp.incr("orders", 3)
    udp.gauge("queue", 5)
    udp.gauge("queue", -2, delta=True)
    udp.set("users", "ann")
    tcp = TCPStatsClient("127.0.0.1", port, prefix="shop")
    tcp.timing("wait", 200)
    tcp.incr("orders", 2)
    tcp.close()


def otlp(url, _port):
    """Delta counters and exponential histograms, as StatsD-like SDKs are set up."""
    temporality = {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}
    exporter = OTLPMetricExporter(f"{url}/v1/metrics", preferred_temporality=temporality)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    view = View(instrument_name="shop.wait", aggregation=ExponentialBucketHistogramAggregation())
    resource = Resource({"service.name": "shop", "service.instance.id": "1", "host.name": "node-7"})
    provider = MeterProvider([reader], resource, views=[view])
    meter = provider.get_meter("e2e")
    orders, wait = meter.create_counter("shop.paid", unit="{order}"), meter.create_histogram("shop.wait", unit="s")
    for _ in range(2):
        orders.add(4, {"kind": "pen"})
        wait.record(0.2)
        provider.force_flush()
    provider.shutdown()


if __name__ == "__main__":
    {"push": push, "unpush": unpush, "influx": influx, "statsd": statsd, "otlp": otlp}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
