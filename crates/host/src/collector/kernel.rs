//! CPU time, scheduler counters, load, pressure, file descriptors, time and the kernel's name.

use std::time::{SystemTime, UNIX_EPOCH};

use procfs::{Current as _, CurrentSI as _};

use super::{io_error, proc_error};
use crate::HostError;
use crate::family::Families;

/// `node_cpu_seconds_total`, `node_cpu_guest_seconds_total`.
pub(super) fn cpu(families: &mut Families) -> Result<(), HostError> {
    let stats = procfs::KernelStats::current().map_err(proc_error("/proc/stat"))?;
    let ticks = procfs::ticks_per_second() as f64;
    for (index, time) in stats.cpu_time.iter().enumerate() {
        let cpu = index.to_string();
        let modes = [
            ("user", Some(time.user)),
            ("nice", Some(time.nice)),
            ("system", Some(time.system)),
            ("idle", Some(time.idle)),
            ("iowait", time.iowait),
            ("irq", time.irq),
            ("softirq", time.softirq),
            ("steal", time.steal),
        ];
        for (mode, value) in modes {
            let labels = [("cpu", cpu.as_str()), ("mode", mode)];
            let seconds = value.unwrap_or(0) as f64 / ticks;
            families.counter(
                "node_cpu_seconds_total",
                "Time the CPUs spent in each mode.",
                &labels,
                seconds,
            );
        }
        for (mode, value) in [("user", time.guest), ("nice", time.guest_nice)] {
            let labels = [("cpu", cpu.as_str()), ("mode", mode)];
            let seconds = value.unwrap_or(0) as f64 / ticks;
            families.counter(
                "node_cpu_guest_seconds_total",
                "Time the CPUs spent in guests, by mode.",
                &labels,
                seconds,
            );
        }
    }
    Ok(())
}

/// Context switches, forks, boot time, running and blocked processes.
pub(super) fn stat(families: &mut Families) -> Result<(), HostError> {
    let stats = procfs::KernelStats::current().map_err(proc_error("/proc/stat"))?;
    families.counter(
        "node_context_switches_total",
        "Context switches.",
        &[],
        stats.ctxt as f64,
    );
    families.counter(
        "node_forks_total",
        "Processes and threads made.",
        &[],
        stats.processes as f64,
    );
    families.gauge(
        "node_boot_time_seconds",
        "When the machine was booted, in Unix time.",
        &[],
        stats.btime as f64,
    );
    if let Some(running) = stats.procs_running {
        families.gauge("node_procs_running", "Processes that can run.", &[], f64::from(running));
    }
    if let Some(blocked) = stats.procs_blocked {
        families.gauge(
            "node_procs_blocked",
            "Processes that wait for I/O.",
            &[],
            f64::from(blocked),
        );
    }
    Ok(())
}

/// `node_load1`, `node_load5`, `node_load15`.
pub(super) fn load(families: &mut Families) -> Result<(), HostError> {
    const SOURCE: &str = "/proc/loadavg";
    let text = std::fs::read_to_string(SOURCE).map_err(io_error(SOURCE))?;
    let averages = text.split_whitespace().filter_map(|word| word.parse::<f64>().ok());
    let names = [
        ("node_load1", "Load average over one minute."),
        ("node_load5", "Load average over five minutes."),
        ("node_load15", "Load average over fifteen minutes."),
    ];
    for ((name, help), average) in names.into_iter().zip(averages) {
        families.gauge(name, help, &[], average);
    }
    Ok(())
}

/// Time that tasks waited for CPU, memory and I/O (pressure stall information).
pub(super) fn pressure(families: &mut Families) -> Result<(), HostError> {
    let seconds = |microseconds: u64| microseconds as f64 / 1e6;
    let cpu = procfs::CpuPressure::current().map_err(proc_error("/proc/pressure/cpu"))?;
    let memory = procfs::MemoryPressure::current().map_err(proc_error("/proc/pressure/memory"))?;
    let io = procfs::IoPressure::current().map_err(proc_error("/proc/pressure/io"))?;
    let values = [
        (
            "node_pressure_cpu_waiting_seconds_total",
            "Time in which a task waited for CPU.",
            cpu.some.total,
        ),
        (
            "node_pressure_memory_waiting_seconds_total",
            "Time in which a task waited for memory.",
            memory.some.total,
        ),
        (
            "node_pressure_memory_stalled_seconds_total",
            "Time in which all tasks waited for memory.",
            memory.full.total,
        ),
        (
            "node_pressure_io_waiting_seconds_total",
            "Time in which a task waited for I/O.",
            io.some.total,
        ),
        (
            "node_pressure_io_stalled_seconds_total",
            "Time in which all tasks waited for I/O.",
            io.full.total,
        ),
    ];
    for (name, help, total) in values {
        families.counter(name, help, &[], seconds(total));
    }
    Ok(())
}

/// `node_filefd_allocated`, `node_filefd_maximum`.
pub(super) fn file_descriptors(families: &mut Families) -> Result<(), HostError> {
    const SOURCE: &str = "/proc/sys/fs/file-nr";
    let text = std::fs::read_to_string(SOURCE).map_err(io_error(SOURCE))?;
    let mut numbers = text.split_whitespace().filter_map(|word| word.parse::<f64>().ok());
    if let (Some(allocated), Some(maximum)) = (numbers.next(), numbers.nth(1)) {
        families.gauge("node_filefd_allocated", "File descriptors in use.", &[], allocated);
        families.gauge(
            "node_filefd_maximum",
            "Most file descriptors there can be.",
            &[],
            maximum,
        );
    }
    Ok(())
}

/// `node_time_seconds`.
#[expect(clippy::unnecessary_wraps, reason = "all collectors have one shape")]
pub(super) fn time(families: &mut Families) -> Result<(), HostError> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64());
    families.gauge("node_time_seconds", "The machine's clock, in Unix time.", &[], now);
    Ok(())
}

/// `node_uname_info`.
#[expect(clippy::unnecessary_wraps, reason = "all collectors have one shape")]
pub(super) fn uname(families: &mut Families) -> Result<(), HostError> {
    let uname = rustix::system::uname();
    let (release, version) = (uname.release().to_string_lossy(), uname.version().to_string_lossy());
    let (machine, node) = (uname.machine().to_string_lossy(), uname.nodename().to_string_lossy());
    let (system, domain) = (uname.sysname().to_string_lossy(), uname.domainname().to_string_lossy());
    let labels = [
        ("domainname", domain.as_ref()),
        ("machine", machine.as_ref()),
        ("nodename", node.as_ref()),
        ("release", release.as_ref()),
        ("sysname", system.as_ref()),
        ("version", version.as_ref()),
    ];
    families.gauge("node_uname_info", "What the kernel says of itself.", &labels, 1.0);
    Ok(())
}
