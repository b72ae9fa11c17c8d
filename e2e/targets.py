"""The recommender's targets, measured on a running demo: what Skopos takes for a scrape, a dashboard, a query, and in memory.

    python3 e2e/targets.py --binary target/release/skopos --seconds 300

Runs `skopos demo --system recommender` for so long, then asks five times what each target is about, and compares the slowest
answer with the ceiling. Requests go one after the other, but those of a dashboard, which a browser sends together. One
run at a time: ports are fixed. Ends with `N passed, N failed`; exit 1 on a failure.
"""

import argparse
import os
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from lib.checks import Checks, eventually
from lib.dashboards import panel_queries
from lib.demo import Demo
from lib.pack import SERVER_PORT

READY_SECONDS = 120
TIMES = 5
# Connections that a browser opens to one host.
CONNECTIONS = 6
# Metrics 500 MB, logs 400 MB and traces 300 MB: one process holds all three.
MEMORY_BYTES = (500 + 400 + 300) * 1_000_000
# What is scraped of Skopos itself, beside the system's services and exporters.
SERVICES = {"backend-api": 8000, "ml-engine": 8001, "data-pipeline": 8002}


def slowest(call):
    """Seconds of the slowest of some calls."""
    return max(timed(call) for _ in range(TIMES))


def timed(call):
    started = time.monotonic()
    call()
    return time.monotonic() - started


def within(checks, what, seconds, ceiling):
    checks.check(f"{what} takes less than {ceiling * 1000:g} ms", seconds < ceiling, f"{seconds * 1000:.1f} ms")


def load(demo, queries, start, end):
    """Asks all queries of a dashboard over its range, as many at a time as a browser does."""
    def ask(expression):
        demo.get("/api/v1/query_range", query=expression, start=start, end=end, step=15)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(ask, queries))


def dashboards(checks, demo):
    queries = {}
    for name, _, expression, _ in panel_queries(demo):
        queries.setdefault(name.split(" / ")[0], []).append(expression)
    end = time.time()
    for title, asked in sorted(queries.items()):
        seconds = slowest(lambda asked=asked: load(demo, asked, end - 3600, end))
        within(checks, f"dashboard {title}, {len(asked)} queries over an hour,", seconds, 3)


def queries(checks, demo):
    end = time.time()
    within(checks, "a simple query", slowest(lambda: demo.instant("sum by (job) (rate(http_requests_total[5m]))")), 1)
    lines = {"query": '{service_name="backend-api"} |= "request served" | json | duration_ms > 0', "limit": 1000,
             "start": int((end - 3600) * 1e9), "end": int(end * 1e9)}
    found = demo.get("/loki/api/v1/query_range", **lines)["data"]["result"]
    checks.check("there are lines to find", found, sum(len(stream["values"]) for stream in found))
    within(checks, "a query of logs", slowest(lambda: demo.get("/loki/api/v1/query_range", **lines)), 5)

    def traces():
        found = demo.get("/jaeger/api/traces", service="backend-api", limit=20)["data"]
        demo.get(f"/jaeger/api/traces/{found[0]['traceID']}")

    within(checks, "finding twenty traces and opening one", slowest(traces), 2)


def collection(checks, demo):
    for row in demo.instant("max by (job) (max_over_time(scrape_duration_seconds[5m]))"):
        within(checks, f"a scrape of {row['metric']['job']}", float(row["value"][1]), 0.1)
    for service, port in SERVICES.items():
        url = f"http://127.0.0.1:{port}/metrics"
        seconds = slowest(lambda url=url: urllib.request.urlopen(url, timeout=10).read())
        within(checks, f"collecting the metrics of {service}", seconds, 0.01)


def run(checks, binary, folder, seconds):
    demo = Demo(binary, folder, ["--system", "recommender"], SERVER_PORT)
    try:
        demo.wait_ready(READY_SECONDS)
        checks.check("the backend is scraped", eventually(READY_SECONDS, lambda: demo.instant('up{job="backend-api"} == 1')))
        time.sleep(seconds)
        load_average = os.getloadavg()[0]
        collection(checks, demo)
        queries(checks, demo)
        dashboards(checks, demo)
        resident = demo.resident_bytes()
        checks.check(f"metrics, logs and traces take less than {MEMORY_BYTES / 1e6:g} MB", resident < MEMORY_BYTES,
                     f"{resident / 1e6:.0f} MB with everything, after {seconds} s")
        print(f"load of the machine: {load_average:.1f} on {os.cpu_count()} processors")
    finally:
        demo.stop()
        if checks.failed:
            print(demo.tail())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the built program")
    parser.add_argument("--seconds", type=int, default=300, help="how long the demo runs before it is measured")
    arguments = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        run(checks, os.path.abspath(arguments.binary), folder, arguments.seconds)
    print(checks.summary())
    sys.exit(checks.failed > 0)


if __name__ == "__main__":
    main()
