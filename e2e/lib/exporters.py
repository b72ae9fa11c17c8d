"""Debian's exporters, in the place of the fleet's own."""

import os
import shutil
import subprocess

from .checks import eventually

# Program, port, arguments, environment, a metric that only the original has.
EXPORTERS = [
    ("prometheus-redis-exporter", 9121, ["-web.listen-address", "127.0.0.1:9121", "-redis.addr", "redis://127.0.0.1:6379"],
     {}, "redis_exporter_build_info"),
    ("prometheus-postgres-exporter", 9187, ["--web.listen-address", "127.0.0.1:9187"],
     {"DATA_SOURCE_NAME": "postgresql://skopos@127.0.0.1:5432/postgres?sslmode=disable"}, "postgres_exporter_build_info"),
    ("prometheus-node-exporter", 9100, ["--web.listen-address", "127.0.0.1:9100"], {}, "node_exporter_build_info"),
]
# Faults of the recommender that take a store away, not its exporter, and the alert on what the exporter then says.
STORE_FAULTS = {"recommender-redis-down": "RedisDown", "recommender-postgres-down": "DatabaseDown"}
SCRAPES_SECONDS = 60


class Exporters:
    """Running from the start to `stop`."""

    def __init__(self, folder):
        self.log = open(os.path.join(folder, "exporters.log"), "wb")
        self.processes = []
        for program, _, arguments, environment, _ in EXPORTERS:
            # Debian installs them where not every user looks for programs.
            path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/bin:/usr/sbin")
            if path is None:
                raise SystemExit(f"{program} is not installed (Debian: {program})")
            self.processes.append(subprocess.Popen([path, *arguments], env={**os.environ, **environment},
                                                   stdout=self.log, stderr=subprocess.STDOUT))

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(10)
        self.log.close()


def check_exporters(checks, demo, pack):
    """The pack's targets on those ports are the originals, and its alerts read what they say."""
    for program, port, _, _, own_metric in EXPORTERS:
        jobs = {target["labels"]["job"] for target in demo.get("/api/v1/targets")["data"]["activeTargets"]
                if target["scrapeUrl"].endswith(f":{port}/metrics")} & pack.jobs
        from_it = {sample["metric"]["job"] for sample in demo.instant(own_metric)}
        checks.check(f"{pack.system}: {program} is scraped as {', '.join(jobs)}", jobs and jobs <= from_it)
    holds = lambda alert: bool(demo.instant(pack.expressions[alert]))
    for is_on in (True, False):
        for fault in STORE_FAULTS:
            demo.switch(fault, is_on)
        for fault, alert in STORE_FAULTS.items():
            seen = eventually(SCRAPES_SECONDS, lambda alert=alert: holds(alert) == is_on)
            checks.check(f"{fault} {'on' if is_on else 'off'}: {alert} {'holds' if is_on else 'ends'} by the original's metrics", seen)
