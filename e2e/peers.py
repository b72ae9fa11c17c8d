"""End to end: runs `skopos demo` with SomaAgent01 and asks it what a user would, with real peers beside it.

    python3 e2e/peers.py --binary target/release/skopos [--browser] [--fault]

Checks that every job is up, that one trace spans gateway, worker and executor, that its logs are
found by trace id, that every panel of the pack's dashboards has data, and that Debian's promtool
gets the same answers. `--browser` also walks the page in Chromium (e2e/browser, after `npm ci`
there). `--fault` also waits until an injected fault makes its alert fire, which takes about twelve
minutes. Ends with `N passed, N failed`; exit 1 on a failure.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from lib.checks import Checks, eventually
from lib.dashboards import check_dashboards
from lib.demo import Demo

SERVICES = ("gateway", "conversation-worker", "tool-executor")
READY_BOUND_SECONDS = 1.0
RESIDENT_BOUND_BYTES = 150 * 1024 * 1024
DATA_SECONDS = 120
FAULT_SECONDS = 15 * 60


def jobs_up(skopos):
    values = {sample["metric"].get("job"): sample["value"][1] for sample in skopos.instant("min by (job) (up)")}
    return values if set(SERVICES) <= set(values) and set(values.values()) == {"1"} else None


def spanning_trace(skopos):
    """A trace with spans of all three services."""
    for trace in skopos.get("/jaeger/api/traces", service="gateway", limit=100)["data"]:
        services = {process["serviceName"] for process in trace["processes"].values()}
        if set(SERVICES) <= services:
            return trace
    return None


def logs_of(skopos, trace_id):
    end = time.time_ns()
    answer = skopos.get("/loki/api/v1/query_range", query=f'{{job=~".+"}} | trace_id="{trace_id}"',
                        start=end - 600 * 10**9, end=end, limit=500)
    return {stream["stream"].get("job") for stream in answer["data"]["result"] if stream["values"]}


def ask_promtool(skopos, query):
    """Values that promtool and we give for one instant, ours as the API says; none while there are none."""
    at = str(int(time.time()) - 2)
    ran = subprocess.run(["promtool", "query", "instant", "--time", at, skopos.url, query], capture_output=True, text=True)
    # promtool prints `{labels} => value @[time]`.
    theirs = sorted(re.findall(r"=> (\S+) @", ran.stdout))
    ours = sorted(sample["value"][1] for sample in skopos.get("/api/v1/query", query=query, time=at)["data"]["result"])
    return (theirs, ours, ran.stderr.strip()) if theirs else None


def check_promtool(checks, skopos):
    for query in ("sum by (job) (up)", "sum by (job) (scrape_samples_scraped)", "count(up)"):
        theirs, ours, said = eventually(60, lambda query=query: ask_promtool(skopos, query)) or ([], [], "no answer")
        checks.check(f"promtool answers the same: {query}", theirs and theirs == ours, said)


def check_browser(checks, skopos):
    """The walk through the page; its own lines are printed as they come."""
    folder = pathlib.Path(__file__).parent / "browser"
    ran = subprocess.run(["npm", "test"], cwd=folder, env={**os.environ, "SKOPOS_URL": skopos.url}, check=False)
    checks.check("the page works in a browser", ran.returncode == 0, f"exit {ran.returncode}")


def alert_state(skopos, name):
    alerts = skopos.get("/api/v1/alerts")["data"]["alerts"]
    return {alert["state"] for alert in alerts if alert["labels"]["alertname"] == name}


def check_fault(checks, skopos):
    for state in ("pending", "firing"):
        seen = eventually(FAULT_SECONDS, lambda state=state: state in alert_state(skopos, "SlowConversationProcessing"))
        checks.check(f"slow model makes SlowConversationProcessing {state}", seen, f"{time.monotonic() - skopos.started:.0f} s after start")


def run(checks, binary, folder, browser, fault):
    skopos = Demo(binary, folder, ["--system", "somaagent01", *(["--fault", "slm-slow"] if fault else [])])
    try:
        ready = skopos.wait_ready()
        print(f"ready after {ready:.2f} s (bound {READY_BOUND_SECONDS} s on a quiet machine)")
        ups = eventually(DATA_SECONDS, lambda: jobs_up(skopos))
        checks.check("every job is up", ups, ups)
        trace = eventually(DATA_SECONDS, lambda: spanning_trace(skopos))
        if checks.check("one trace spans gateway, worker and executor", trace):
            jobs = eventually(30, lambda: set(SERVICES) <= logs_of(skopos, trace["traceID"]))
            checks.check("its logs are found by trace id", jobs, logs_of(skopos, trace["traceID"]))
        check_promtool(checks, skopos)
        check_dashboards(checks, skopos, DATA_SECONDS)
        if browser:
            check_browser(checks, skopos)
        if fault:
            check_fault(checks, skopos)
        time.sleep(max(0, DATA_SECONDS - (time.monotonic() - skopos.started)))
        resident = skopos.resident_bytes()
        checks.check("resident memory after two minutes is below 150 MB", resident < RESIDENT_BOUND_BYTES, f"{resident / 2**20:.0f} MB")
        checks.check("SIGTERM ends it cleanly", skopos.stop() == 0)
    finally:
        if skopos.process.poll() is None:
            skopos.stop()
        if checks.failed:
            print(skopos.tail())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--browser", action="store_true")
    parser.add_argument("--fault", action="store_true")
    arguments = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        run(checks, os.path.abspath(arguments.binary), folder, arguments.browser, arguments.fault)
    print(checks.summary())
    sys.exit(checks.failed > 0)


if __name__ == "__main__":
    main()
