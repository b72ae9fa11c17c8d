//! Drives a whole server over real stores as clients do.

mod alertmanager;
mod amtool;
mod bodies;
mod classic;
mod grafana;
mod harness;
mod influx;
mod jaeger;
mod jaeger_collector;
mod loki;
mod manage;
mod otlp;
mod otlp_metrics;
mod prometheus;
mod prometheus_api;
mod proving;
mod pushgateway;
mod receiver;
mod search;
mod statsd;
mod web_config;
mod write;
mod write_probes;
mod write_v2;
