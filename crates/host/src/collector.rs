//! The collectors, one source each.

mod disk;
mod filesystem;
mod kernel;
mod memory;
mod network;

use crate::HostError;
use crate::family::Families;

/// Reads one source into the families.
type Collect = fn(&mut Families) -> Result<(), HostError>;

/// All collectors by the names node_exporter gives them.
pub(crate) const COLLECTORS: &[(&str, Collect)] = &[
    ("cpu", kernel::cpu),
    ("stat", kernel::stat),
    ("loadavg", kernel::load),
    ("pressure", kernel::pressure),
    ("filefd", kernel::file_descriptors),
    ("time", kernel::time),
    ("uname", kernel::uname),
    ("meminfo", memory::meminfo),
    ("vmstat", memory::vmstat),
    ("diskstats", disk::diskstats),
    ("filesystem", filesystem::filesystem),
    ("netdev", network::devices),
    ("netclass", network::classes),
];

/// Names the source of a failed read below /proc.
fn proc_error(what: &'static str) -> impl FnOnce(procfs::ProcError) -> HostError {
    move |source| HostError::Proc { what, source }
}

/// Names the source of a failed read.
fn io_error(what: &'static str) -> impl FnOnce(std::io::Error) -> HostError {
    move |source| HostError::Io { what, source }
}
