"""End to end: metrics sent by the client libraries that people use, found again by PromQL.

    python3 e2e/metrics_in.py --binary target/release/skopos [--venv FOLDER]

e2e/metrics_in/clients.py runs with packages from PyPI in a virtual environment, which `--venv` keeps for the next run:
prometheus-client pushes to the Pushgateway API, influxdb-client writes lines, statsd sends over UDP and TCP, and
OpenTelemetry exports deltas and exponential histograms. The pushed group must survive a restart of Skopos.
Takes about half a minute. Ends with `N passed, N failed`; exit 1 on a failure.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

from alerting import eventually
from lib.checks import Checks, free_port
from lib.venv import python_of
from python_service import Skopos

FOLDER = pathlib.Path(__file__).resolve().parent / "metrics_in"

# What each way must leave behind.
EXPECTED = {
    "push": {
        'backup_bytes{job="backup", path="/var/tmp", disk="a/b"}': 7,
        'backup_seconds_sum{job="backup"}': 2,
        'backup_files{job="backup", path="/var/tmp"}': 3,
        'time() - push_time_seconds{job="backup"} < bool 60': 1,
    },
    "influx": {
        'weather_temperature{city="Oslo, north", db="home"}': 3.5,
        "weather_stations": 2,
    },
    "statsd": {
        "shop_orders": 5,
        "shop_queue": 3,
        'shop_wait_bucket{le="0.25"}': 1,
    },
    "otlp": {
        'shop_paid_total{job="shop", instance="1", kind="pen"}': 8,
        "histogram_count(shop_wait_seconds)": 2,
        "histogram_avg(shop_wait_seconds) < bool 0.21": 1,
        'target_info{job="shop", host_name="node-7"}': 1,
    },
}


def start(binary, folder, ports):
    page = f"127.0.0.1:{ports['page']}"
    arguments = [binary, "serve", "--storage.path", str(folder / "data"), "--web.listen-address", page,
                 "--otlp.http-listen-address", "off", "--otlp.grpc-listen-address", "off",
                 "--statsd.listen-address", f"127.0.0.1:{ports['statsd']}", "--statsd.flush-interval", "1s"]
    return Skopos("skopos", folder, arguments, f"http://{page}", "/-/ready")


def send(checks, python, way, skopos, ports):
    done = subprocess.run([python, FOLDER / "clients.py", way, skopos.url, str(ports["statsd"])], capture_output=True, text=True)
    complaint = done.stderr.strip()
    checks.check(f"{way}: the client is content", done.returncode == 0 and not complaint, complaint[-400:])


def check(checks, skopos, way):
    for query, wanted in EXPECTED[way].items():
        found = eventually(lambda query=query, wanted=wanted: skopos.value(query) == wanted)
        checks.check(f"{way}: {query} is {wanted}", found, "" if found else skopos.value(query))


def run(checks, binary, folder, python):
    ports = {"page": free_port(), "statsd": free_port()}
    skopos = start(binary, folder, ports)
    try:
        for way in EXPECTED:
            send(checks, python, way, skopos, ports)
            check(checks, skopos, way)
        ledger = skopos.get("/api/skopos/ledger", text=True)
        doors = [door for door in ("pushgateway", "influx", "statsd", "otlp_http") if door not in ledger]
        checks.check("each door keeps its books", not doors, doors or "")
        skopos.stop()
        skopos.start()
        group = eventually(lambda: skopos.get("/api/v1/metrics")["data"])
        checks.check("the pushed group survived a restart", group and group[0]["labels"] == {"job": "backup", "path": "/var/tmp"}, group)
        check(checks, skopos, "push")
        send(checks, python, "unpush", skopos, ports)
        gone = eventually(lambda: skopos.instant('{job="backup"}') == [])
        checks.check("unpush: the group is gone", gone)
    finally:
        skopos.stop()
        if checks.failed:
            print(f"== skopos\n{skopos.tail()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--venv", type=pathlib.Path, help="folder of the virtual environment, kept; else a temporary one")
    arguments = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        venv = arguments.venv.resolve() if arguments.venv else folder / "venv"
        python = python_of(venv, "--requirement", FOLDER / "requirements.txt")
        run(checks, os.path.abspath(arguments.binary), folder, python)
    print(checks.summary())
    sys.exit(checks.failed > 0)


if __name__ == "__main__":
    main()
