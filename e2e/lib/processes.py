"""What a process and all that descend from it take of the machine."""

import os
import pathlib
import re
import time

TICKS = os.sysconf("SC_CLK_TCK")


def stat(pid):
    """Parent, and processor time of the process with its ended children, in seconds."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1]), sum(map(int, fields[11:15])) / TICKS


def tree(root):
    """The process and its descendants, each with its processor time."""
    parents, times = {}, {}
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            parents[pid], times[pid] = stat(pid)
        except OSError:
            pass  # It ended meanwhile.

    def is_below(pid):
        while pid in parents and pid != root:
            pid = parents[pid]
        return pid == root

    return {pid: times[pid] for pid in parents if is_below(pid)}


def memory_bytes(root):
    """Resident memory, each shared page divided among those that share it (`Pss`)."""
    total = 0
    for pid in tree(root):
        try:
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024
    return total


def cores(root, seconds):
    """Cores kept busy over so many seconds."""
    before, started = sum(tree(root).values()), time.monotonic()
    time.sleep(seconds)
    return (sum(tree(root).values()) - before) / (time.monotonic() - started)
