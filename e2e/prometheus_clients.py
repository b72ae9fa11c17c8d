"""End to end: Prometheus' own clients against a running Skopos.

    python3 e2e/prometheus_clients.py --binary target/release/skopos [--venv FOLDER]

The Python package prometheus-api-client is installed from PyPI into a virtual environment, which `--venv` keeps for the
next run; promtool is Debian's. Skopos scrapes itself every second, so that there are series to ask for. Then each call of
the client, each `promtool query`, and `skopos query metrics --explain` is made and its answer looked at. Takes about a
minute. Ends with `N passed, N failed`; exit 1 on a failure.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from alerting import Program, eventually
from lib.checks import Checks, free_port
from lib.venv import python_of

CLIENT = "prometheus-api-client==0.7.2"
# Runs within the virtual environment; prints what each call of the client gives as JSON.
CALLS = """
import datetime, json, sys
from prometheus_api_client import PrometheusConnect
prometheus = PrometheusConnect(url=sys.argv[1])
now = datetime.datetime.now()
since = now - datetime.timedelta(minutes=5)
ranged = prometheus.get_metric_range_data("up", start_time=since, end_time=now)
print(json.dumps({
    "connected": prometheus.check_prometheus_connection(),
    "names": prometheus.all_metrics(),
    "labels": prometheus.get_label_names(),
    "jobs": prometheus.get_label_values("job"),
    "current": prometheus.get_current_metric_value("up", {"job": "skopos"}),
    "custom": prometheus.custom_query("sum by (job) (up)"),
    "range": prometheus.custom_query_range("sum(up)", start_time=since, end_time=now, step="15"),
    "points": sum(len(series["values"]) for series in ranged),
    "series": prometheus.get_series(since, now, params={"match[]": "up"}),
    "pools": prometheus.get_scrape_pools(),
    "targets": prometheus.get_targets(),
    "metadata": prometheus.get_metric_metadata("skopos_build_info"),
    "told": prometheus.get_target_metadata({"job": "skopos"}),
}, default=str))
"""


def ask_client(checks, python, url):
    ran = subprocess.run([python, "-c", CALLS, url], capture_output=True, text=True, check=False)
    checks.check("prometheus-api-client makes all its calls", ran.returncode == 0, ran.stderr[-2000:])
    if ran.returncode:
        return
    got = json.loads(ran.stdout)
    checks.check("it is connected", got["connected"], got["connected"])
    checks.check("it lists metrics", "up" in got["names"], got["names"][:20])
    checks.check("it lists labels", "job" in got["labels"], got["labels"])
    checks.check("it lists values", "skopos" in got["jobs"], got["jobs"])
    checks.check("it gets a value", got["current"][0]["value"][1] == "1", got["current"])
    checks.check("it asks a query", len(got["custom"]) >= 1, got["custom"])
    checks.check("it asks a range", len(got["range"]) == 1 and got["range"][0]["values"], got["range"])
    checks.check("it reads samples in chunks", got["points"] > 0, got["points"])
    checks.check("it lists series", {"skopos", "host"} <= {series["job"] for series in got["series"]}, got["series"])
    checks.check("it lists scrape pools", "skopos" in got["pools"], got["pools"])
    checks.check("it lists targets", got["targets"]["activeTargets"], got["targets"])
    checks.check("it reads metadata of metrics", got["metadata"] is not None, got["metadata"])
    checks.check("it reads metadata of targets", got["told"], len(got["told"]))


def promtool(checks, what, arguments, expected):
    ran = subprocess.run(["promtool", "query", *arguments], capture_output=True, text=True, check=False)
    checks.check(f"promtool query {what}", ran.returncode == 0 and expected in ran.stdout, ran.stdout + ran.stderr)


def ask_promtool(checks, url):
    now = int(time.time())
    promtool(checks, "instant", ["instant", url, "sum by (job) (up)"], 'job="skopos"')
    promtool(checks, "range", ["range", f"--start={now - 60}", f"--end={now}", "--step=5s", url, "sum(up)"], "@[")
    promtool(checks, "series", ["series", "--match=up", url], '__name__="up"')
    promtool(checks, "labels", ["labels", url, "job"], "skopos")


def explain(checks, binary, url):
    arguments = [binary, "query", "metrics", "--explain", "--json", "--server", url, "sum by (job) (rate(up[1m]))"]
    ran = subprocess.run(arguments, capture_output=True, text=True, check=False)
    checks.check("skopos explains a query", ran.returncode == 0, ran.stderr)
    if ran.returncode == 0:
        read = json.loads(ran.stdout)["read"]
        checks.check("it tells what was read", read["series"] >= 1 and read["samples"] >= 1, read)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--venv", type=pathlib.Path)
    options = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        python = python_of(options.venv or folder / "venv", CLIENT)
        address = f"127.0.0.1:{free_port()}"
        arguments = [options.binary, "serve", "--storage.path", str(folder / "data"), "--web.listen-address", address,
                     "--otlp.http-listen-address", "off", "--otlp.grpc-listen-address", "off",
                     "--self.scrape-interval", "1s"]
        skopos = Program("skopos", folder, arguments, f"http://{address}", "/-/ready")
        try:
            twice = "count_over_time(up{job='skopos'}[1m]) > 1"
            checks.check("Skopos has scraped itself twice", eventually(
                lambda: skopos.get("/api/v1/query", query=twice)["data"]["result"]))
            ask_client(checks, python, f"http://{address}")
            ask_promtool(checks, f"http://{address}")
            explain(checks, options.binary, f"http://{address}")
        finally:
            skopos.stop()
    print(checks.summary())
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
