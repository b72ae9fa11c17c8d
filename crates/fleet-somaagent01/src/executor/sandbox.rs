//! One tool call as a process: clean environment, empty working folder, limits, deadline, bounded output.
//!
//! The tool is this program again (`fleet somaagent01 tool NAME`), which limits itself before it reads its input.

use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tracing::{Instrument, field};
use wait4::{ResUse, Wait4};

use crate::tools::{Finished, MAX_INPUT_BYTES, REFUSED, Refusal};
use crate::topics::ToolOutcome;
use skopos_fleet_frame::{Fault, FleetError};

/// Bytes of output that are read; a tool that writes more has failed.
const MAX_OUTPUT_BYTES: u64 = 64 * 1024;
/// MiB of address space that the fault leaves: less than the program has when it starts to limit itself.
const STARVED_MIB: u64 = 4;
/// How often a running tool is looked after.
const POLL: Duration = Duration::from_millis(5);
/// Every class of failure that a sandboxed tool can have.
pub(super) const ERROR_TYPES: [&str; 9] = [
    "compress",
    "cpu_limit",
    "crash",
    "division_by_zero",
    "invalid_input",
    "memory_limit",
    "output_limit",
    "overflow",
    "timeout",
];

/// What one tool call may use.
#[derive(Debug, Clone, Args)]
pub(super) struct LimitArgs {
    /// Seconds that one tool call may take.
    #[arg(long = "tool-timeout", default_value_t = 3.0, value_name = "SECONDS")]
    timeout: f64,
    /// Seconds of CPU time of one tool call.
    #[arg(long = "tool-cpu", default_value_t = 2, value_name = "SECONDS")]
    cpu: u64,
    /// MiB of address space of one tool call.
    #[arg(long = "tool-memory", default_value_t = 256, value_name = "MIB")]
    memory: u64,
}

/// Starts tools.
#[derive(Debug)]
pub(super) struct Sandbox {
    program: PathBuf,
    limits: LimitArgs,
    no_memory: Fault,
}

/// How a tool call went and what it used.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) outcome: ToolOutcome,
    pub(super) wall: Duration,
    pub(super) cpu: Duration,
    pub(super) peak_resident_bytes: u64,
}

/// A process that has ended, and why it was made to.
struct Ended {
    usage: ResUse,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    timed_out: bool,
}

impl Sandbox {
    pub(super) fn new(limits: LimitArgs, no_memory: Fault) -> Result<Self, FleetError> {
        // The link in /proc stays right when the program's file is replaced under a running fleet.
        let program = PathBuf::from("/proc/self/exe");
        let program = if program.exists() {
            program
        } else {
            std::env::current_exe().map_err(|source| FleetError::Io {
                action: "find this program, which is also the tools",
                source,
            })?
        };
        Ok(Self {
            program,
            limits,
            no_memory,
        })
    }

    /// Runs one tool; an error means that the sandbox itself failed.
    pub(super) async fn run(&self, tool: &str, input: &Value) -> io::Result<Run> {
        let span = tracing::info_span!(
            "tool.run",
            otel.name = format!("tool {tool}"),
            otel.status_code = field::Empty,
            tool.name = tool,
            tool.error_type = field::Empty,
            process.pid = field::Empty,
            process.exit.code = field::Empty,
            tool.cpu_ms = field::Empty,
            tool.peak_resident_bytes = field::Empty,
        );
        self.run_in_span(tool, input).instrument(span).await
    }

    async fn run_in_span(&self, tool: &str, input: &Value) -> io::Result<Run> {
        let input = serde_json::to_vec(input).map_err(io::Error::from)?;
        if input.len() > MAX_INPUT_BYTES {
            return Ok(refused_input(input.len()));
        }
        let folder = tempfile::Builder::new().prefix("skopos-tool-").tempdir()?;
        let started = Instant::now();
        let child = self.command(tool, folder.path()).spawn()?;
        let ended = self.attend(child, &input).await?;
        let run = self.judge(&ended, started.elapsed());
        record(&run, &ended);
        Ok(run)
    }

    fn command(&self, tool: &str, folder: &std::path::Path) -> Command {
        let memory = if self.no_memory.is_on() {
            STARVED_MIB
        } else {
            self.limits.memory
        };
        let mut command = Command::new(&self.program);
        command
            .arg0("skopos-tool")
            .args(["fleet", crate::NAME, "tool", tool])
            .args(["--cpu-seconds", &self.limits.cpu.to_string()])
            .args(["--memory-mib", &memory.to_string()])
            .env_clear()
            .current_dir(folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Feeds, reads and awaits the process; ends it at the deadline.
    async fn attend(&self, mut child: Child, input: &[u8]) -> io::Result<Ended> {
        tracing::Span::current().record("process.pid", child.id());
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(io::Error::other("the tool's pipes are missing"));
        };
        let mut stdin = ChildStdin::from_std(stdin)?;
        let (stdout, stderr) = (ChildStdout::from_std(stdout)?, ChildStderr::from_std(stderr)?);
        let feed = async move {
            // A tool that ends without reading closes the pipe; its exit says why.
            drop(stdin.write_all(input).await);
        };
        let deadline = Duration::from_secs_f64(self.limits.timeout.clamp(0.01, 3600.0));
        let (waited, (), stdout, stderr) = tokio::join!(wait(child, deadline), feed, read(stdout), read(stderr));
        let (usage, timed_out) = waited?;
        Ok(Ended {
            usage,
            stdout: stdout?,
            stderr: stderr?,
            timed_out,
        })
    }

    fn judge(&self, ended: &Ended, wall: Duration) -> Run {
        let usage = &ended.usage.rusage;
        let finished: Option<Finished> = serde_json::from_slice(&ended.stdout).ok();
        let peak = finished.as_ref().and_then(|finished| finished.peak_resident_bytes);
        let outcome = match finished {
            _ if ended.timed_out => failed(
                "timeout",
                format!("the tool took longer than {} s", self.limits.timeout),
            ),
            _ if ended.stdout.len() as u64 > MAX_OUTPUT_BYTES => failed(
                "output_limit",
                format!("the tool wrote more than {MAX_OUTPUT_BYTES} bytes"),
            ),
            Some(finished) if ended.usage.status.success() => ToolOutcome::Success {
                output: finished.output,
            },
            _ => self.fault(ended),
        };
        Run {
            outcome,
            wall,
            cpu: usage.utime + usage.stime,
            peak_resident_bytes: peak.unwrap_or(usage.maxrss),
        }
    }

    /// Why a tool ended without a result.
    fn fault(&self, ended: &Ended) -> ToolOutcome {
        let status = ended.usage.status;
        if status.code() == Some(REFUSED)
            && let Ok(refusal) = serde_json::from_slice::<Refusal>(&ended.stderr)
        {
            return failed(&refusal.error_type, refusal.reason);
        }
        let cpu = ended.usage.rusage.utime + ended.usage.rusage.stime;
        // At the hard limit of CPU time the kernel sends SIGKILL, at the soft one SIGXCPU; here both are the same.
        if status.signal().is_some() && cpu.as_secs_f64() >= self.limits.cpu as f64 * 0.9 {
            return failed(
                "cpu_limit",
                format!("the tool used its {} s of CPU time", self.limits.cpu),
            );
        }
        let stderr = String::from_utf8_lossy(&ended.stderr);
        if stderr.contains("memory allocation of") {
            return failed(
                "memory_limit",
                format!("the tool used its {} MiB of memory", self.limits.memory),
            );
        }
        failed("crash", format!("the tool ended with {status}: {}", stderr.trim()))
    }
}

fn failed(error_type: &str, reason: String) -> ToolOutcome {
    ToolOutcome::Failed {
        error_type: error_type.to_owned(),
        reason,
    }
}

fn refused_input(bytes: usize) -> Run {
    Run {
        outcome: failed(
            "invalid_input",
            format!("the input has {bytes} bytes, a tool takes {MAX_INPUT_BYTES}"),
        ),
        wall: Duration::ZERO,
        cpu: Duration::ZERO,
        peak_resident_bytes: 0,
    }
}

/// Reaps the process, killing it at the deadline. One task does both, so the id is never another process's.
async fn wait(mut child: Child, deadline: Duration) -> io::Result<(ResUse, bool)> {
    let started = Instant::now();
    let mut timed_out = false;
    let mut poll = tokio::time::interval(POLL);
    loop {
        poll.tick().await;
        if let Some(usage) = child.try_wait4()? {
            return Ok((usage, timed_out));
        }
        if !timed_out && started.elapsed() >= deadline {
            child.kill()?;
            timed_out = true;
        }
    }
}

/// Reads to the end, keeping one byte more than the limit at most; what comes after is discarded.
async fn read(mut from: impl AsyncRead + Unpin) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    (&mut from).take(MAX_OUTPUT_BYTES + 1).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    Ok(kept)
}

fn record(run: &Run, ended: &Ended) {
    let span = tracing::Span::current();
    span.record("tool.cpu_ms", run.cpu.as_millis() as u64);
    span.record("tool.peak_resident_bytes", run.peak_resident_bytes);
    if let Some(code) = ended.usage.status.code() {
        span.record("process.exit.code", code);
    }
    if let ToolOutcome::Failed { error_type, .. } = &run.outcome {
        span.record("tool.error_type", error_type.as_str());
        span.record("otel.status_code", "ERROR");
    }
}
