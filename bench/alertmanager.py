"""50 000 active alerts in Skopos and in Alertmanager: CPU time of taking, notifying and listing them, and memory.

    python3 bench/alertmanager.py --binary target/release/skopos [--alerts 50000] [--only skopos|alertmanager]

Both programs get the same configuration, silences and alerts by API v2 in posts of 64, as Prometheus sends them, and
notify a local webhook. They run one after the other. The alerts are those of `crates/alertmanager/benches/scale.rs`.
"""

import argparse
import datetime
import json
import os
import tempfile
import time

from program import Program, free_port, ratio, table
from sink import Sink

ALERTS_PER_POST = 64
LARGE_GROUP = 1_500
SILENCES = 200
LISTINGS = 3
GROUP_WAIT_SECONDS = 45
QUIET_SECONDS = 8
LONGEST_FLUSH_SECONDS = 300
JSON = {"Content-Type": "application/json"}

CONFIG = """
route:
  receiver: default
  group_by: [alertname, cluster]
  group_wait: {wait}s
  group_interval: 1h
  routes:
  - matchers: [severity=critical]
    receiver: pager
    continue: true
  - matchers: ['team=~"team-[0-4]"']
    receiver: teams
receivers:
- {{name: default, webhook_configs: [{{url: '{url}'}}]}}
- {{name: pager, webhook_configs: [{{url: '{url}'}}]}}
- {{name: teams, webhook_configs: [{{url: '{url}'}}, {{url: '{url}', send_resolved: false}}]}}
inhibit_rules:
- {{source_matchers: [severity=critical], target_matchers: ['severity=~"warning|info"'], equal: [alertname, cluster, instance]}}
- {{source_matchers: [severity=warning], target_matchers: [severity=info], equal: [cluster, instance]}}
- {{source_matchers: ['alertname="Alert-1"'], target_matchers: ['team="team-9"'], equal: [cluster]}}
"""


def alert(index):
    name = 0 if index < LARGE_GROUP else index % 500 + 1
    return {
        "labels": {
            "alertname": f"Alert-{name}",
            "cluster": f"cluster-{0 if name == 0 else index % 7}",
            "instance": f"10.0.{index // 250 % 250}.{index % 250}:9100",
            "job": f"job-{index % 40}",
            "pod": f"pod-{index:08}-abcde",
            "severity": ("critical", "warning", "info")[index % 3],
            "team": f"team-{index % 10}",
        },
        "annotations": {
            "summary": f"Something is wrong with pod-{index:08}-abcde for longer than it should be",
            "description": "What it means, what to look at first, and who knows more about it. " * 3,
            "runbook_url": f"https://runbooks.example.org/alerts/{name}",
        },
        "endsAt": in_hours(24),
        "generatorURL": "https://prometheus.example.org/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
    }


def in_hours(hours):
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=hours)).isoformat()


def silence(index):
    matcher = {"name": "instance", "value": f"10.0.{index % 250}.{index}:9100", "isRegex": False, "isEqual": True}
    return {"matchers": [matcher], "startsAt": in_hours(0), "endsAt": in_hours(24), "createdBy": "bench", "comment": "-"}


def bodies(count):
    for start in range(0, count, ALERTS_PER_POST):
        yield json.dumps([alert(index) for index in range(start, min(count, start + ALERTS_PER_POST))]).encode()


def measure(program, sink, count):
    """The steps, each with its CPU seconds; the last ones are MiB and counts."""
    steps = {}
    mark = program.cpu_seconds()

    def step(name):
        nonlocal mark
        now = program.cpu_seconds()
        steps[name], mark = now - mark, now

    for index in range(SILENCES):
        program.post("/api/v2/silences", json.dumps(silence(index)).encode(), JSON)
    step("set 200 silences")
    posts = list(bodies(count))
    began = time.monotonic()
    for body in posts:
        program.post("/api/v2/alerts", body, JSON)
    step("take the alerts, all new")
    if time.monotonic() - began > GROUP_WAIT_SECONDS:
        print("the groups did not wait long enough: some were notified while alerts came in")
    wait_until_told(sink)
    step("group, inhibit and notify once")
    steps["notifications"], steps["alerts in them"] = float(sink.requests), float(sink.alerts)
    for body in posts:
        program.post("/api/v2/alerts", body, JSON)
    step("take the alerts again, all known")
    for _ in range(LISTINGS):
        listed = json.loads(program.get("/api/v2/alerts"))
    step(f"GET /api/v2/alerts, {LISTINGS} times")
    program.get("/api/v2/alerts/groups")
    step("GET /api/v2/alerts/groups")
    steps["listed alerts"] = float(len(listed))
    steps["inhibited alerts"] = float(sum(bool(one["status"]["inhibitedBy"]) for one in listed))
    steps["silenced alerts"] = float(sum(bool(one["status"]["silencedBy"]) for one in listed))
    steps["peak MiB resident"] = program.memory_mib("VmHWM")
    return steps


def wait_until_told(sink):
    time.sleep(GROUP_WAIT_SECONDS)
    deadline = time.monotonic() + LONGEST_FLUSH_SECONDS
    told, since = sink.requests, time.monotonic()
    while time.monotonic() < deadline and (told == 0 or time.monotonic() - since < QUIET_SECONDS):
        time.sleep(0.5)
        if sink.requests != told:
            told, since = sink.requests, time.monotonic()


def start(name, folder, config, binary):
    port, data = free_port(), os.path.join(folder, f"{name}-data")
    if name == "skopos":
        arguments = [binary, "serve", f"--alertmanager.config.file={config}", f"--storage.path={data}",
                     f"--web.listen-address=127.0.0.1:{port}", "--otlp.grpc-listen-address=off",
                     "--otlp.http-listen-address=off", "--self.scrape-interval=0s", "--log.level=warn"]
    else:
        arguments = [binary, f"--config.file={config}", f"--storage.path={data}",
                     f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--log.level=warn"]
    return Program(name, arguments, port, folder, "/api/v2/status")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default="target/release/skopos")
    parser.add_argument("--alertmanager", default="/usr/bin/prometheus-alertmanager")
    parser.add_argument("--alerts", type=int, default=50_000)
    parser.add_argument("--only", choices=("skopos", "alertmanager"))
    arguments = parser.parse_args()
    binaries = {"skopos": os.path.abspath(arguments.binary), "alertmanager": arguments.alertmanager}
    results = {}
    with tempfile.TemporaryDirectory(prefix="skopos-bench-") as folder:
        for name, binary in binaries.items():
            if arguments.only not in (None, name):
                continue
            sink = Sink()
            config = os.path.join(folder, f"{name}.yml")
            with open(config, "w") as file:
                file.write(CONFIG.format(wait=GROUP_WAIT_SECONDS, url=sink.url))
            with start(name, folder, config, binary) as program:
                results[name] = measure(program, sink, arguments.alerts)
            sink.close()
    show(results)


def show(results):
    names = list(results)
    print(f"{'CPU seconds, MiB, counts':<44}" + "".join(f"{name:>12}" for name in names) + f"{'ratio':>12}")
    for step in results[names[0]]:
        values = [results[name][step] for name in names]
        table([(step, *values, ratio(*values) if len(values) == 2 else float("nan"))])


if __name__ == "__main__":
    main()
