//! Containers by their cgroups, of version 2 (one tree) or version 1 (a tree for each resource).

use std::fs;
use std::path::{Path, PathBuf};

use super::group::Group;

const ROOT: &str = "/sys/fs/cgroup";
/// Levels below the root that are looked at; those of Kubernetes have four.
const MAX_DEPTH: usize = 6;
/// Containers at most.
const MAX_CONTAINERS: usize = 500;
/// Hexadecimal digits of the id that container runtimes give.
const ID_CHARS: usize = 64;
/// Digits of it that are shown as the name.
const SHORT_ID_CHARS: usize = 12;
/// A limit of version 1 from here on is no limit.
const NO_LIMIT: f64 = (1_u64 << 60) as f64;

/// The containers of this machine.
pub(super) fn containers() -> Vec<Group> {
    containers_below(Path::new(ROOT))
}

fn containers_below(root: &Path) -> Vec<Group> {
    let is_version_2 = root.join("cgroup.controllers").is_file();
    let tree = if is_version_2 {
        root.to_owned()
    } else {
        root.join("memory")
    };
    let mut found = Vec::new();
    walk(&tree, MAX_DEPTH, &mut found);
    let groups = found.iter().filter_map(|folder| {
        let path = folder.strip_prefix(&tree).ok()?;
        let name = container_id(folder)?.get(..SHORT_ID_CHARS)?.to_owned();
        let mut group = if is_version_2 {
            version_2(folder)
        } else {
            version_1(root, path)
        };
        group.id = format!("/{}", path.display());
        group.name = name;
        Some(group)
    });
    groups.collect()
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if found.len() >= MAX_CONTAINERS || !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if container_id(&path).is_some() {
            found.push(path);
        } else if depth > 1 {
            walk(&path, depth - 1, found);
        }
    }
}

/// The id in the last part of a path, such as `docker-<id>.scope`, `cri-containerd-<id>.scope` or `<id>` alone.
fn container_id(folder: &Path) -> Option<&str> {
    let name = folder.file_name()?.to_str()?;
    let name = name.strip_suffix(".scope").unwrap_or(name);
    let id = name.rsplit('-').next()?;
    (id.len() == ID_CHARS && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

fn version_2(folder: &Path) -> Group {
    let cpu = |key| field(&folder.join("cpu.stat"), key).map(|micros| micros / 1e6);
    let memory = |key| field(&folder.join("memory.stat"), key);
    let usage = number(&folder.join("memory.current"));
    Group {
        cpu_seconds: cpu("usage_usec"),
        cpu_user_seconds: cpu("user_usec"),
        cpu_system_seconds: cpu("system_usec"),
        memory_usage: usage,
        memory_working_set: without(usage, memory("inactive_file")),
        memory_rss: memory("anon"),
        memory_cache: memory("file"),
        // Without a limit the file reads `max`.
        memory_limit: Some(number(&folder.join("memory.max")).unwrap_or_default()),
        processes: number(&folder.join("pids.current")),
        ..Group::default()
    }
}

fn version_1(root: &Path, path: &Path) -> Group {
    let memory = |key| field(&root.join("memory").join(path).join("memory.stat"), key);
    let memory_file = |name| number(&root.join("memory").join(path).join(name));
    let usage = memory_file("memory.usage_in_bytes");
    Group {
        cpu_seconds: number(&root.join("cpuacct").join(path).join("cpuacct.usage")).map(|nanos| nanos / 1e9),
        memory_usage: usage,
        memory_working_set: without(usage, memory("total_inactive_file")),
        memory_rss: memory("total_rss"),
        memory_cache: memory("total_cache"),
        memory_limit: memory_file("memory.limit_in_bytes").map(|limit| if limit < NO_LIMIT { limit } else { 0.0 }),
        processes: number(&root.join("pids").join(path).join("pids.current")),
        ..Group::default()
    }
}

fn without(usage: Option<f64>, inactive: Option<f64>) -> Option<f64> {
    usage.map(|usage| (usage - inactive.unwrap_or_default()).max(0.0))
}

/// The only number of a file.
fn number(file: &Path) -> Option<f64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// The number after `key` in a file of `key number` lines.
fn field(file: &Path, key: &str) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    let found = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(name, _)| *name == key)?;
    found.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, file: &str, text: &str) {
        let file = root.join(file);
        fs::create_dir_all(file.parent().expect("it has one")).expect("a folder");
        fs::write(file, text).expect("a file");
    }

    #[test]
    fn containers_of_version_2() {
        let folder = tempfile::tempdir().expect("a folder");
        let id = "ab".repeat(32);
        let path = format!("system.slice/docker-{id}.scope");
        write(folder.path(), "cgroup.controllers", "cpu memory");
        write(folder.path(), "system.slice/ssh.service/memory.current", "5");
        write(
            folder.path(),
            &format!("{path}/cpu.stat"),
            "usage_usec 2500000\nuser_usec 2000000\n",
        );
        write(folder.path(), &format!("{path}/memory.current"), "1000\n");
        write(
            folder.path(),
            &format!("{path}/memory.stat"),
            "anon 300\ninactive_file 400\n",
        );
        write(folder.path(), &format!("{path}/memory.max"), "max\n");
        let groups = containers_below(folder.path());
        assert_eq!(groups.len(), 1);
        let group = &groups[0];
        assert_eq!(
            (group.id.as_str(), group.name.as_str()),
            (format!("/{path}").as_str(), "abababababab")
        );
        assert_eq!((group.cpu_seconds, group.memory_working_set), (Some(2.5), Some(600.0)));
        assert_eq!((group.memory_rss, group.memory_limit), (Some(300.0), Some(0.0)));
    }

    #[test]
    fn containers_of_version_1() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = format!("docker/{}", "0f".repeat(32));
        write(folder.path(), &format!("memory/{path}/memory.usage_in_bytes"), "1000\n");
        write(
            folder.path(),
            &format!("memory/{path}/memory.limit_in_bytes"),
            "9223372036854771712\n",
        );
        write(folder.path(), &format!("cpuacct/{path}/cpuacct.usage"), "1500000000\n");
        let groups = containers_below(folder.path());
        assert_eq!(groups.len(), 1);
        assert_eq!(
            (groups[0].cpu_seconds, groups[0].memory_usage),
            (Some(1.5), Some(1000.0))
        );
        assert_eq!(groups[0].memory_limit, Some(0.0));
    }
}
