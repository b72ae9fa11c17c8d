//! Tests of the built program, from outside.
#![expect(clippy::print_stdout, reason = "the kill test prints its counts")]

mod alerting;
mod alerting_incidents;
mod alerting_kill;
mod alerting_outside;
mod alerting_reload;
mod cli;
mod cli_alerts;
mod cli_check_alertmanager;
mod cli_compat;
mod cli_receivers;
mod cli_silences;
mod cloud_tokens;
mod differential;
mod dlq;
mod downsampling;
mod export;
mod import;
mod jaeger;
mod kill;
mod kubernetes;
mod limits;
mod program;
mod prove;
mod query_limits;
mod query_log;
mod reload;
mod remote_read;
mod remote_write;
mod remote_write_agent;
mod retention;
mod rules;
mod self_tracing;
mod sigv4;
mod storage_limits;
mod webhook;
