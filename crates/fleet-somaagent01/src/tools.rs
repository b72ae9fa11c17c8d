//! The tools themselves, each run in a process of its own under limits it sets before it reads its input.
//!
//! Input is one JSON object on standard input, the result text on standard output. A refusal is one JSON object on
//! standard error, `{"error_type", "reason"}`, and exit code [`REFUSED`].

use std::io::{Read, Write};

use clap::Args;
use rustix::process::{Resource, Rlimit, setrlimit};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use skopos_fleet_frame::FleetError;

mod calculator;
mod compress;
mod file_search;
mod hash;
mod text_stats;

/// Every tool by name.
pub(crate) const NAMES: [&str; 5] = ["calculator", "compress", "file-search", "hash", "text-stats"];
/// Exit code of a tool that will not do what it was asked.
pub(crate) const REFUSED: i32 = 3;
/// Bytes of input that a tool takes; fits a pipe's buffer, so that writing it never waits.
pub(crate) const MAX_INPUT_BYTES: usize = 32 * 1024;
/// Descriptors a tool may have open.
const MAX_OPEN_FILES: u64 = 16;

/// Settings of one tool run.
#[derive(Debug, Args)]
pub(crate) struct ToolArgs {
    /// Which tool.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(NAMES))]
    name: String,
    /// Seconds of CPU time, after which the kernel ends the tool.
    #[arg(long, default_value_t = 2)]
    cpu_seconds: u64,
    /// MiB of address space.
    #[arg(long, default_value_t = 512)]
    memory_mib: u64,
    /// KiB that one file may have.
    #[arg(long, default_value_t = 256)]
    file_kib: u64,
}

/// Why a tool refused its input; goes to standard error.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) error_type: String,
    pub(crate) reason: String,
}

impl Refusal {
    fn new(error_type: &str, reason: impl Into<String>) -> Self {
        Self {
            error_type: error_type.to_owned(),
            reason: reason.into(),
        }
    }

    fn input(reason: impl Into<String>) -> Self {
        Self::new("invalid_input", reason)
    }
}

/// What a tool that ended by itself reports beside its output.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Finished {
    pub(crate) output: String,
    /// Peak resident memory of the tool alone; `ru_maxrss` also remembers the process that started it.
    pub(crate) peak_resident_bytes: Option<u64>,
}

pub(super) fn run(arguments: &ToolArgs) -> Result<(), FleetError> {
    limit(arguments)?;
    let mut input = Vec::new();
    std::io::stdin()
        .lock()
        .take(MAX_INPUT_BYTES as u64)
        .read_to_end(&mut input)
        .map_err(|source| FleetError::Io {
            action: "read the tool's input",
            source,
        })?;
    let result = serde_json::from_slice(&input)
        .map_err(|error| Refusal::input(format!("the input is not JSON: {error}")))
        .and_then(|input: Value| call(&arguments.name, &input));
    match result {
        Ok(output) => finish(&Finished {
            output,
            peak_resident_bytes: peak_resident_bytes(),
        }),
        Err(refusal) => {
            let text = serde_json::to_string(&refusal).expect("two strings encode");
            // With the pipe closed nobody is left to tell.
            drop(std::io::stderr().lock().write_all(text.as_bytes()));
            std::process::exit(REFUSED)
        }
    }
}

fn finish(finished: &Finished) -> Result<(), FleetError> {
    let mut stdout = std::io::stdout().lock();
    serde_json::to_writer(&mut stdout, finished)
        .map_err(std::io::Error::from)
        .and_then(|()| stdout.flush())
        .map_err(|source| FleetError::Io {
            action: "write the tool's output",
            source,
        })
}

fn limit(arguments: &ToolArgs) -> Result<(), FleetError> {
    let limits = [
        (Resource::Core, 0),
        (Resource::Cpu, arguments.cpu_seconds),
        (Resource::As, arguments.memory_mib * 1024 * 1024),
        (Resource::Fsize, arguments.file_kib * 1024),
        (Resource::Nofile, MAX_OPEN_FILES),
    ];
    for (resource, limit) in limits {
        let both = Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        };
        setrlimit(resource, both).map_err(|error| FleetError::Io {
            action: "limit the tool",
            source: error.into(),
        })?;
    }
    Ok(())
}

pub(crate) fn call(name: &str, input: &Value) -> Result<String, Refusal> {
    match name {
        "calculator" => calculator::evaluate(text(input, "expression")?),
        "compress" => compress::compress(text(input, "text")?),
        "file-search" => Ok(file_search::search(text(input, "query")?)),
        "hash" => hash::hash(
            text(input, "text")?,
            number(input, "rounds", 1)?,
            number(input, "memory_mib", 1)?,
        ),
        "text-stats" => Ok(text_stats::describe(text(input, "text")?)),
        _ => Err(Refusal::new("unknown_tool", format!("there is no tool {name}"))),
    }
}

fn text<'a>(input: &'a Value, key: &str) -> Result<&'a str, Refusal> {
    input[key]
        .as_str()
        .filter(|text| !text.trim().is_empty())
        .ok_or_else(|| Refusal::input(format!("the input needs text under \"{key}\"")))
}

fn number(input: &Value, key: &str, default: u64) -> Result<u64, Refusal> {
    match &input[key] {
        Value::Null => Ok(default),
        value => value
            .as_u64()
            .ok_or_else(|| Refusal::input(format!("\"{key}\" must be a whole number, not {value}"))),
    }
}

fn peak_resident_bytes() -> Option<u64> {
    let status = procfs::process::Process::myself().ok()?.status().ok()?;
    status.vmhwm.map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_name_is_a_tool() {
        for name in NAMES {
            let input = json!({"expression": "1+1", "text": "a few words", "query": "latency"});
            assert!(call(name, &input).is_ok(), "{name}");
        }
        assert_eq!(
            call("teleport", &json!({})).expect_err("unknown").error_type,
            "unknown_tool"
        );
    }

    #[test]
    fn wrong_input_is_named() {
        let missing = call("calculator", &json!({"expr": "1"})).expect_err("no expression");
        assert!(missing.reason.contains("\"expression\""), "{missing:?}");
        let negative = call("hash", &json!({"text": "a", "rounds": -1})).expect_err("negative");
        assert!(negative.reason.contains("\"rounds\""), "{negative:?}");
    }
}
