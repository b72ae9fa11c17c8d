"""A program under measurement: CPU seconds and peak memory of its process, as the kernel counts them.

CPU time rather than time on the wall: other work on the machine then changes little.
"""

import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 60
STOP_SECONDS = 60
REQUEST_SECONDS = 1_800


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Program:
    """A started program that listens on a port of loopback, stopped at the end of a `with`."""

    def __init__(self, name, arguments, port, folder, ready_path):
        self.name = name
        self.url = f"http://127.0.0.1:{port}"
        self.log = open(os.path.join(folder, f"{name}.log"), "wb")
        self.process = subprocess.Popen(arguments, stdout=self.log, stderr=subprocess.STDOUT, cwd=folder)
        self.ready_path = ready_path

    def __enter__(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                self.get(self.ready_path)
                return self
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.2)
        self.__exit__()
        raise SystemExit(f"{self.name} did not start: see {self.log.name}")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()

    def cpu_seconds(self):
        """User and system time of all threads since the start."""
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mib(self, field):
        """`VmHWM` is the most that was resident, `VmRSS` what is now."""
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
        return 0.0

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=REQUEST_SECONDS) as answer:
            return answer.read()

    def post(self, path, body, headers):
        request = urllib.request.Request(self.url + path, data=body, headers=headers, method="POST")
        with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as answer:
            return answer.read()


def ratio(ours, theirs):
    """How much of the other's cost ours is; below 1 is cheaper."""
    return ours / theirs if theirs else float("nan")


def table(rows):
    """Prints rows of texts and numbers under each other."""
    for row in rows:
        cells = [f"{cell:>12.2f}" if isinstance(cell, float) else f"{cell:<44}" for cell in row]
        print("".join(cells), flush=True)
