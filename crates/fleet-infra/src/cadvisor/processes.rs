//! The processes of the fleet, each as a group: those that the same supervisor has started.

use procfs::process::{Process, all_processes};
use procfs::{CurrentSI, KernelStats};

use super::group::Group;

/// The siblings of this process that are services of the fleet, this one among them.
pub(super) fn of_the_fleet() -> Vec<Group> {
    let supervisor = Process::myself()
        .and_then(|process| process.stat())
        .map(|stat| stat.ppid);
    let (Ok(supervisor), Ok(processes)) = (supervisor, all_processes()) else {
        return Vec::new();
    };
    // Starts are told in ticks since the machine's.
    let boot = KernelStats::current().ok().map(|stats| stats.btime as f64);
    let mut groups: Vec<Group> = processes
        .flatten()
        .filter_map(|process| group(&process, supervisor, boot))
        .collect();
    groups.sort_by(|a, b| a.id.cmp(&b.id));
    // Two of one name, as while one ends and the next begins, would be two samples of one series.
    groups.dedup_by(|a, b| a.id == b.id);
    groups
}

fn group(process: &Process, supervisor: i32, boot: Option<f64>) -> Option<Group> {
    let stat = process.stat().ok().filter(|stat| stat.ppid == supervisor)?;
    let (system, service) = service(&process.cmdline().ok()?)?;
    let per_second = procfs::ticks_per_second() as f64;
    let (user, kernel) = (stat.utime as f64 / per_second, stat.stime as f64 / per_second);
    let resident = (stat.rss * procfs::page_size()) as f64;
    let io = process.io().ok();
    Some(Group {
        id: format!("/fleet/{system}/{service}"),
        name: service,
        cpu_seconds: Some(user + kernel),
        cpu_user_seconds: Some(user),
        cpu_system_seconds: Some(kernel),
        memory_usage: Some(resident),
        memory_working_set: Some(resident),
        memory_rss: Some(resident),
        memory_limit: Some(0.0),
        processes: Some(1.0),
        threads: Some(stat.num_threads as f64),
        start_time: boot.map(|boot| boot + stat.starttime as f64 / per_second),
        read_bytes: io.as_ref().map(|io| io.read_bytes as f64),
        written_bytes: io.as_ref().map(|io| io.write_bytes as f64),
        ..Group::default()
    })
}

/// System and service in a command line `… fleet SYSTEM SERVICE …`.
fn service(arguments: &[String]) -> Option<(String, String)> {
    match arguments {
        [_, fleet, system, service, ..] if fleet == "fleet" => Some((system.clone(), service.clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_known_by_their_command() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            service(&words("skopos fleet infra broker --exit-with-parent")),
            Some(("infra".to_owned(), "broker".to_owned()))
        );
        assert_eq!(service(&words("skopos demo")), None);
    }
}
