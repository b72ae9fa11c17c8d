"""5 000 rules over 100 000 series, each 30 s, in Skopos and in Prometheus: CPU seconds of a round, and memory.

    python3 bench/rules.py --binary target/release/skopos [--metrics 500] [--rounds 6] [--only skopos|prometheus]

A metric has 200 series and ten rules of different forms. Samples come by remote write each 15 s. A first part runs
without rules: its CPU time is what taking the samples costs, and is taken off. The programs run one after the other.
"""

import argparse
import os
import random
import tempfile
import time

import remote_write
from program import Program, free_port, ratio, table

INSTANCES = 200
RULES_PER_GROUP = 20
INTERVAL_SECONDS = 30
SCRAPE_SECONDS = 15
HISTORY_SECONDS = 600
SERIES_PER_REQUEST = 2_000
FORMS = (
    "record: job:{m}:rate5m\n    expr: sum by (job) (rate({m}[5m]))",
    "record: zone:{m}:rate1m\n    expr: sum by (job, zone) (rate({m}[1m]))",
    "alert: {m}TooFast\n    expr: sum by (job, instance) (rate({m}[5m])) > 1000000\n    for: 5m",
    "alert: {m}Stands\n    expr: increase({m}[5m]) == 0\n    for: 10m",
    "alert: {m}Hot\n    expr: 'max by (zone) ({m}) > 1e15'\n    for: 1m",
    "alert: {m}Share\n    expr: 'sum by (zone) (rate({m}{{code=~\"5..\"}}[5m])) / sum by (zone) (rate({m}[5m])) > 0.9'\n    for: 5m",
    "alert: {m}Average\n    expr: 'avg by (job) (avg_over_time({m}[10m])) > 1e15'",
    "alert: {m}Missing\n    expr: count by (zone) ({m}) < 10\n    for: 5m",
    "alert: {m}Grows\n    expr: 'predict_linear({m}{{zone=\"zone-1\"}}[10m], 3600) > 1e15'\n    for: 5m",
    "alert: {m}Fires\n    expr: '{m}{{instance=\"10.0.0.7:9100\"}} > 0'\n    for: 1m\n    labels: {{severity: page}}\n"
    "    annotations: {{summary: '{{{{ $labels.instance }}}} is at {{{{ $value | humanize }}}}'}}",
)


def rule_file(metrics):
    rules = [form.format(m=f"metric_{metric}_total") for metric in range(metrics) for form in FORMS]
    groups = []
    for start in range(0, len(rules), RULES_PER_GROUP):
        lines = "".join(f"  - {rule}\n" for rule in rules[start:start + RULES_PER_GROUP])
        groups.append(f"- name: group-{start // RULES_PER_GROUP}\n  interval: {INTERVAL_SECONDS}s\n  rules:\n{lines}")
    return "groups:\n" + "".join(groups), len(rules)


class Feed:
    """The series, and their samples: counters that grow at their own pace."""

    def __init__(self, metrics):
        pace = random.Random(1)
        self.labels, self.paces = [], []
        for metric in range(metrics):
            for instance in range(INSTANCES):
                self.labels.append(remote_write.labels({
                    "__name__": f"metric_{metric}_total",
                    "job": f"job-{metric % 20}",
                    "instance": f"10.0.0.{instance}:9100",
                    "zone": f"zone-{instance % 4}",
                    "code": ("200", "200", "404", "503")[instance // 4 % 4],
                    "cluster": "one",
                }))
                self.paces.append(pace.randrange(1, 100))

    def send(self, program, times):
        """Sends the samples of these times, in seconds."""
        for start in range(0, len(self.labels), SERIES_PER_REQUEST):
            parts = []
            for index in range(start, min(start + SERIES_PER_REQUEST, len(self.labels))):
                pace = self.paces[index]
                samples = b"".join(remote_write.sample(float(pace * (at - self.began)), at * 1000) for at in times)
                parts.append(remote_write.series(self.labels[index], samples))
            program.post("/api/v1/write", remote_write.compressed(b"".join(parts)), remote_write.HEADERS)

    def fill(self, program):
        """Sends the past, so that every window is full."""
        now = int(time.time()) // SCRAPE_SECONDS * SCRAPE_SECONDS
        self.began = now - HISTORY_SECONDS - SCRAPE_SECONDS
        times = range(now - HISTORY_SECONDS, now + 1, SCRAPE_SECONDS)
        for first in range(0, len(times), 8):
            self.send(program, times[first:first + 8])
        self.next = now + SCRAPE_SECONDS

    def run(self, program, rounds):
        """Sends on time for so many rounds of rules; gives the CPU seconds of a round."""
        began, used = time.monotonic(), program.cpu_seconds()
        for turn in range(rounds * INTERVAL_SECONDS // SCRAPE_SECONDS):
            self.send(program, [self.next])
            self.next += SCRAPE_SECONDS
            time.sleep(max(0.0, began + (turn + 1) * SCRAPE_SECONDS - time.monotonic()))
        elapsed = time.monotonic() - began
        return (program.cpu_seconds() - used) / elapsed * INTERVAL_SECONDS


def start(name, folder, config, binary):
    port, data = free_port(), os.path.join(folder, f"{name}-data")
    arguments = [binary] + (["serve"] if name == "skopos" else [])
    arguments += [f"--config.file={config}", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}",
                  "--web.enable-lifecycle", "--web.enable-remote-write-receiver", "--log.level=warn"]
    if name == "skopos":
        arguments += ["--otlp.grpc-listen-address=off", "--otlp.http-listen-address=off",
                      "--self.scrape-interval=0s"]
    return Program(name, arguments, port, folder, "/-/ready")


def measure(name, folder, binary, metrics, rounds):
    rules = os.path.join(folder, f"{name}-rules.yml")
    config = os.path.join(folder, f"{name}.yml")
    with open(rules, "w") as file:
        file.write("groups: []\n")
    with open(config, "w") as file:
        file.write(f"global: {{evaluation_interval: {INTERVAL_SECONDS}s}}\nrule_files: ['{rules}']\n")
    feed = Feed(metrics)
    with start(name, folder, config, binary) as program:
        filled = program.cpu_seconds()
        feed.fill(program)
        filled = program.cpu_seconds() - filled
        taking = feed.run(program, 2)
        text, count = rule_file(metrics)
        with open(rules, "w") as file:
            file.write(text)
        program.post("/-/reload", b"", {})
        # The first round is not counted: it makes the recorded series.
        feed.run(program, 2)
        both = feed.run(program, rounds)
        return {
            "rules": float(count),
            "series": float(len(feed.labels)),
            "take 11 minutes of samples at once": filled,
            "take samples, a round": taking,
            "take samples and evaluate, a round": both,
            "evaluate all rules, a round": both - taking,
            "peak MiB resident": program.memory_mib("VmHWM"),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/skopos")
    parser.add_argument("--prometheus", default="/usr/bin/prometheus")
    parser.add_argument("--metrics", type=int, default=500, help="metrics, each with 200 series and 10 rules")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--only", choices=("skopos", "prometheus"))
    arguments = parser.parse_args()
    binaries = {"skopos": os.path.abspath(arguments.binary), "prometheus": arguments.prometheus}
    results = {}
    with tempfile.TemporaryDirectory(prefix="skopos-bench-") as folder:
        for name, binary in binaries.items():
            if arguments.only in (None, name):
                results[name] = measure(name, folder, binary, arguments.metrics, arguments.rounds)
    names = list(results)
    print(f"{'CPU seconds, MiB, counts':<44}" + "".join(f"{name:>12}" for name in names) + f"{'ratio':>12}")
    for step in results[names[0]]:
        values = [results[name][step] for name in names]
        table([(step, *values, ratio(*values) if len(values) == 2 else float("nan"))])


if __name__ == "__main__":
    main()
