"""Metrics beside Prometheus and VictoriaMetrics: CPU, memory and disk of taking samples, queries and restarts.

    SKOPOS_SHARED=../shared python3 bench/metrics.py --binary target/release/skopos [--phases small,big,million,start,scrape,churn]

The generator and the queries are those of `$SKOPOS_SHARED/peers`; the generator is built into a target folder where
`--loadgen` names no program. Servers run one after the other, the client's own CPU time is not counted. The table is
Markdown: figures of each server and the ratio ours / theirs; `--json FILE` keeps all that was measured. Phase `million`
is about taking samples and memory, `start` about two hours of log that are read again. With several phases the last
table says what a sample costs in each.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

from program import Program, free_port

TARGETS_PORT = 27100
TARGETS = 100
SETTLE_SECONDS = 150
# Series, hours, repeats of each query (0: no queries and no disk), pods replaced an hour.
PHASES = {
    "small": (10_000, 1.0, 10, 0.0),
    "big": (100_000, 1.0, 5, 0.0),
    "million": (1_000_000, 0.05, 0, 0.0),
    "start": (100_000, 2.0, 0, 0.0),
    "churn": (10_000, 3.0, 5, 1.0),
}


class Loadgen:
    """The generator: each call gives the JSON line that it prints."""

    def __init__(self, path, queries, max_seconds):
        self.path, self.queries, self.max_seconds = path, queries, max_seconds

    def run(self, command, **flags):
        words = [self.path, command]
        for name, value in flags.items():
            words += [f"--{name.replace('_', '-')}", str(value)]
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout)


def built_loadgen(shared, target):
    source = pathlib.Path(shared, "peers", "loadgen")
    copy = pathlib.Path(target, "loadgen-source")
    shutil.copytree(source, copy, dirs_exist_ok=True)
    subprocess.run(["cargo", "build", "--release", "--quiet", "--target-dir", f"{target}/loadgen"], cwd=copy, check=True)
    return f"{target}/loadgen/release/loadgen"


def scrape_config(is_scraping):
    lines = ["global: {scrape_interval: 2s, scrape_timeout: 2s}"]
    if is_scraping:
        lines.append("scrape_configs:\n  - job_name: fleet\n    static_configs:")
        lines += [
            f'      - {{targets: ["127.0.0.1:{TARGETS_PORT}"], labels: {{instance: "host-{n}", '
            f'__metrics_path__: "/t/{n}/metrics"}}}}'
            for n in range(TARGETS)
        ]
    return "\n".join(lines) + "\n"


class Server:
    """One of the three servers over one data folder; it can be started again."""

    def __init__(self, name, binary, folder, is_scraping=False):
        self.name, self.binary = name, binary
        self.folder = os.path.join(folder, name)
        self.data = os.path.join(self.folder, "data")
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.config = os.path.join(self.folder, "prometheus.yml")
        pathlib.Path(self.config).write_text(scrape_config(is_scraping))

    def start(self):
        port = free_port()
        address = f"127.0.0.1:{port}"
        if self.name == "victoria":
            arguments = [f"-promscrape.config={self.config}", f"-storageDataPath={self.data}",
                         f"-httpListenAddr={address}", "-retentionPeriod=1y", "-loggerLevel=WARN"]
            ready = "/health"
        else:
            arguments = ["serve"] if self.name == "skopos" else []
            arguments += [f"--config.file={self.config}", f"--storage.tsdb.path={self.data}",
                          f"--web.listen-address={address}", "--web.enable-remote-write-receiver",
                          "--storage.tsdb.retention.time=30d", "--log.level=warn"]
            ready = "/-/ready"
            if self.name == "prometheus":
                arguments.append("--web.enable-admin-api")
            else:
                arguments += ["--otlp.grpc-listen-address=off", "--otlp.http-listen-address=off",
                              "--self.scrape-interval=0s"]
        self.program = Program(self.name, [self.binary, *arguments], port, self.folder, ready)
        return self.program.__enter__()

    def stop(self):
        self.program.__exit__()

    def kill(self):
        """Ends it as a crash would: the log stays to be replayed. VictoriaMetrics has none and would lose its last
        seconds, so it is stopped."""
        if self.name == "victoria":
            self.stop()
            return
        self.program.process.send_signal(signal.SIGKILL)
        self.program.process.wait()
        self.program.log.close()

    def settled_bytes(self):
        """Bytes of samples and index after the server did what it does with them in the background."""
        if self.name == "prometheus":
            self.program.post("/api/v1/admin/tsdb/snapshot", b"", {})
            return folder_bytes(os.path.join(self.data, "snapshots"))
        if self.name == "victoria":
            self.program.get("/internal/force_flush")
            self.program.get("/internal/force_merge")
            time.sleep(20)
            return sum(folder_bytes(os.path.join(self.data, part)) for part in ("data", "indexdb"))
        self.stop()
        self.start()
        parts, last, since = os.path.join(self.data, "parts"), None, time.monotonic()
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline and time.monotonic() - since < 75:
            now = folder_bytes(parts)
            if now != last:
                last, since = now, time.monotonic()
            time.sleep(1)
        return folder_bytes(parts) + folder_bytes(os.path.join(self.data, "manifest"))


def folder_bytes(path):
    return sum(file.stat().st_size for file in pathlib.Path(path).rglob("*") if file.is_file())


def run_queries(loadgen, server, end, repeat):
    """CPU milliseconds and latency of each query of the list."""
    flags = {"url": server.program.url, "file": loadgen.queries, "dialect": "prom", "pid": server.program.process.pid,
             "end": end, "repeat": repeat}
    if server.name == "victoria":
        flags["extra"] = "nocache=1"
    return loadgen.run("query", **flags)["queries"]


def measure_written(loadgen, server, phase, end):
    series, hours, repeat, churn = PHASES[phase]
    program = server.start()
    url = program.url + "/api/v1/write"
    taken = loadgen.run("remote-write", url=url, pid=program.process.pid, end=end, series=series, hours=hours,
                        max_seconds=loadgen.max_seconds, churn_per_hour=churn)
    if taken["error"]:
        raise SystemExit(f"{server.name} took not all of phase {phase}: {taken['error']}")
    out = {"taken": taken, "rss_mib": program.memory_mib("VmRSS")}
    if repeat:
        out["hot"] = run_queries(loadgen, server, end, repeat)
    peak_before = program.memory_mib("VmHWM")
    server.kill()
    started = time.monotonic()
    program = server.start()
    out["restart"] = {"seconds": time.monotonic() - started, "cpu_s": program.cpu_seconds(),
                      "peak_mib": program.memory_mib("VmHWM"), "peak_before_mib": peak_before}
    if repeat:
        out["disk_bytes"] = server.settled_bytes()
        out["cold"] = run_queries(loadgen, server, end, repeat)
    server.stop()
    return out


def measure_scraped(loadgen, server, seconds):
    program = server.start()
    taken = loadgen.run("targets", port=TARGETS_PORT, count=TARGETS, seconds=seconds, pid=program.process.pid)
    out = {"taken": taken, "rss_mib": program.memory_mib("VmRSS")}
    server.stop()
    if not taken["samples"]:
        raise SystemExit(f"{server.name} scraped nothing: does something else listen on port {TARGETS_PORT}?")
    return out


def figures(phase, result):
    """The figures of one phase of one server, by name."""
    taken = result["taken"]
    out = {
        "samples": taken["samples"],
        "samples per CPU second": taken["samples_per_cpu_s"],
        "RSS bytes a series": result["rss_mib"] * 1024 * 1024 / taken["series_created"],
    }
    if "restart" in result:
        out["restart seconds"] = result["restart"]["seconds"]
        out["restart CPU seconds"] = result["restart"]["cpu_s"]
        out["restart peak / running peak"] = result["restart"]["peak_mib"] / result["restart"]["peak_before_mib"]
    if "disk_bytes" in result:
        out["disk bytes a sample"] = result["disk_bytes"] / taken["samples"]
        for heat in ("hot", "cold"):
            for query in result[heat]:
                out[f"{heat} {query['name']} CPU ms"] = query["server_cpu_ms"]
                out[f"{heat} {query['name']} p50 ms"] = query["p50_ms"]
                out[f"{heat} {query['name']} p95 ms"] = query["p95_ms"]
    return out


def geometric_mean(values):
    return statistics.geometric_mean(max(value, 0.01) for value in values)


def print_table(phase, results):
    names = list(results)
    by_name = {name: figures(phase, results[name]) for name in names}
    for heat in ("hot", "cold"):
        for unit in ("CPU ms", "p50 ms", "p95 ms"):
            for figure in by_name.values():
                values = [value for key, value in figure.items() if key.startswith(heat) and key.endswith(unit)]
                if values:
                    figure[f"{heat} queries, {unit}, geometric mean"] = geometric_mean(values)
    others = [name for name in names if name != "skopos"]
    print(f"\n### {phase}\n\n| figure | " + " | ".join(names) + " | " + " | ".join(f"skopos / {o}" for o in others) + " |")
    print("|---" * (1 + len(names) + len(others)) + "|")
    for key in by_name[names[0]]:
        values = {name: by_name[name].get(key) for name in names}
        cells = [f"{value:,.2f}" if value is not None else "-" for value in values.values()]
        ratios = [f"{values['skopos'] / values[o]:.2f}" if "skopos" in values and values[o] else "-" for o in others]
        print(f"| {key} | " + " | ".join(cells + ratios) + " |", flush=True)


def print_costs(kept):
    """CPU nanoseconds a sample by phase: flat where a server does not mind how many series there are."""
    names = list(next(iter(kept.values())))
    print("\n### CPU nanoseconds a sample\n\n| phase | " + " | ".join(names) + " |")
    print("|---" * (1 + len(names)) + "|")
    for phase, results in kept.items():
        costs = [f"{1e9 / results[name]['taken']['samples_per_cpu_s']:,.0f}" for name in names]
        print(f"| {phase} | " + " | ".join(costs) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/skopos")
    parser.add_argument("--prometheus", default="/usr/bin/prometheus")
    parser.add_argument("--victoria", default="/usr/bin/victoria-metrics")
    parser.add_argument("--servers", default="skopos,prometheus,victoria")
    parser.add_argument("--phases", default="small,big,scrape")
    parser.add_argument("--seconds", type=int, default=60, help="of scraping")
    parser.add_argument("--max-seconds", type=int, default=900, help="of remote write to one server in one phase")
    parser.add_argument("--loadgen", help="a built generator")
    parser.add_argument("--target", default="target/peers", help="where the generator is built")
    parser.add_argument("--json", help="file for everything measured")
    arguments = parser.parse_args()
    shared = os.environ.get("SKOPOS_SHARED", "../shared")
    program = arguments.loadgen or built_loadgen(shared, os.path.abspath(arguments.target))
    loadgen = Loadgen(program, os.path.join(shared, "peers", "promql.tsv"), arguments.max_seconds)
    binaries = {"skopos": os.path.abspath(arguments.binary), "prometheus": arguments.prometheus,
                "victoria": arguments.victoria}
    end = int(time.time()) // 15 * 15
    kept = {}
    with tempfile.TemporaryDirectory(prefix="skopos-bench-") as folder:
        for phase in arguments.phases.split(","):
            results = kept[phase] = {}
            for name in arguments.servers.split(","):
                server = Server(name, binaries[name], folder, phase == "scrape")
                if phase == "scrape":
                    results[name] = measure_scraped(loadgen, server, arguments.seconds)
                else:
                    results[name] = measure_written(loadgen, server, phase, end)
                shutil.rmtree(server.folder)
                if arguments.json:
                    pathlib.Path(arguments.json).write_text(json.dumps(kept, indent=1))
            print_table(phase, results)
    if len(kept) > 1:
        print_costs(kept)


if __name__ == "__main__":
    main()
