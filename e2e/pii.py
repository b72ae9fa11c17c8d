"""End to end: nothing personal of DawsOS is in a store, in a log or in what goes out.

    python3 e2e/pii.py --binary target/debug/skopos

Runs `skopos demo --system dawsos` with an error tracker of its own, and does as careless callers do: secrets and personal
data in headers, inputs, names of patterns and the ids of users and portfolios, on requests that succeed and requests that
fail. Then it looks for each of them in all log lines, traces, series, alerts and incidents that the server has, in the
files below its data folder as they lie there, in what the demo prints, and in every request that reached the tracker or
the receiver of notifications. One run at a time: ports are fixed. Ends with `N passed, N failed`; exit 1 on a failure.
"""

import argparse
import base64
import gzip
import hashlib
import http.server
import json
import os
import pathlib
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from lib.checks import Checks, eventually
from lib.demo import Demo
from lib.pack import SERVER_PORT

BACKEND = "http://127.0.0.1:8030"
READY_SECONDS = 120
ARRIVAL_SECONDS = 90
NOTIFICATION_PORT = 9099
# One for each way in which it is planted, so that a leak tells where it came from.
USER, PORTFOLIO = "zq1-analyst-private", "harbour-growth"
SECRETS = {
    "password": "zq2Password77",
    "bearer": "zq3Bearer8812xyz",
    "cookie": "zq4Cookie9934",
    "nested token": "zq5Nested4411",
    "encoded": "zq6Encoded553",
    "api key": "zq7ApiKey6600",
    "user": USER,
    "portfolio": PORTFOLIO,
    "security": "zq8Security21",
}
# A security that the portfolio holds. Four letters may stand in compressed bytes by chance: it is looked for in texts.
HELD = "ALBA"


class Sink:
    """Keeps the bodies of all requests, unpacked."""

    def __init__(self, port=0):
        self.bodies = bodies = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                bodies.append(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def text(self):
        return b"\n".join(self.bodies).decode(errors="replace")


def execute(pattern, inputs):
    """One request with everything in it that should not be there; its status."""
    encoded = base64.b64encode(json.dumps({"password": SECRETS["encoded"]}).encode()).decode()
    inputs = {**inputs, "password": SECRETS["password"], "note": {"a": {"access_token": SECRETS["nested token"]}}, "blob": encoded,
              "text": f"api_key={SECRETS['api key']}", "securities": [SECRETS["security"]]}
    headers = {"Content-Type": "application/json", "X-User-ID": USER, "Authorization": f"Bearer {SECRETS['bearer']}",
               "Cookie": f"sid={SECRETS['cookie']}"}
    body = json.dumps({"pattern_id": pattern, "inputs": inputs}).encode()
    request = urllib.request.Request(f"{BACKEND}/v1/execute?token={SECRETS['nested token']}", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def plant(checks, demo):
    portfolio = {"portfolio_id": PORTFOLIO, "require_fresh": False}
    served = eventually(READY_SECONDS, lambda: execute("portfolio_overview", portfolio) == 200)
    checks.check("a careless request is served", served)
    checks.check("an unknown pattern is refused", execute(f"password={SECRETS['password']}", portfolio) >= 400)
    checks.check("a portfolio that does not exist is refused", execute("portfolio_overview", {"portfolio_id": USER}) >= 400)
    trade = {"portfolio_id": PORTFOLIO, "security": HELD, "quantity": 1}
    checks.check("a trade is booked", execute("record_trade", trade) == 200)
    trade["security"] = SECRETS["security"]
    checks.check("a trade in a security that the portfolio has not is refused", execute("record_trade", trade) >= 400)
    demo.switch("dawsos-price-file-truncated", True)
    demo.switch("dawsos-scenario-missing", True)
    failed = eventually(ARRIVAL_SECONDS, lambda: execute("stress_test", portfolio) >= 500)
    checks.check("a careless request fails", failed)
    demo.switch("dawsos-scenario-missing", False)
    broken = eventually(ARRIVAL_SECONDS, lambda: "pack build failed" in stored(demo)["log lines"][1])
    checks.check("a pack cannot be built", broken)
    demo.switch("dawsos-price-file-truncated", False)


def stored(demo):
    """What the server has of all signals, by place."""
    end = time.time()
    start = end - 3600
    logs = demo.get("/loki/api/v1/query_range", query='{service_name=~"dawsos.*"}', start=int(start * 1e9), end=int(end * 1e9), limit=5000)
    services = [name for name in demo.get("/jaeger/api/services")["data"] if name.startswith("dawsos")]
    traces = [demo.get("/jaeger/api/traces", service=name, limit=1500, start=int(start * 1e6), end=int(end * 1e6)) for name in services]
    return {
        "log lines": (len([line for stream in logs["data"]["result"] for line in stream["values"]]), json.dumps(logs)),
        "traces": (sum(len(found["data"]) for found in traces), json.dumps(traces)),
        "series": (1, json.dumps(demo.get("/api/v1/series", **{"match[]": '{__name__=~".+"}'}))),
        "alerts": (1, json.dumps(demo.get("/api/v2/alerts")) + json.dumps(demo.get("/api/skopos/incidents"))),
    }


def look(checks, places, secrets=SECRETS):
    for place, text in places.items():
        found = sorted(name for name, secret in secrets.items() if secret in text)
        checks.check(f"none of {len(secrets)} planted secrets is in {place} ({len(text)} bytes)", not found, ", ".join(found))


def run(checks, binary, folder):
    tracker, receiver = Sink(), Sink(NOTIFICATION_PORT)
    os.environ["SENTRY_DSN"] = f"http://key@127.0.0.1:{tracker.port}/7"
    os.environ["TRACES_SAMPLE_RATE"] = "1"
    demo = Demo(binary, folder, ["--system", "dawsos"], SERVER_PORT)
    try:
        demo.wait_ready(READY_SECONDS)
        plant(checks, demo)
        user = hashlib.sha256(USER.encode()).hexdigest()[:8]
        arrived = eventually(ARRIVAL_SECONDS, lambda: user in tracker.text())
        checks.check("the error has arrived at the tracker, the user as the start of a hash", arrived)
        hashed = eventually(ARRIVAL_SECONDS, lambda: user in stored(demo)["traces"][1] and user in stored(demo)["log lines"][1])
        checks.check("traces and lines are stored, the user as the start of a hash", hashed)
        found = stored(demo)
        for place, (count, _) in found.items():
            checks.check(f"there is something to look at in {place}", count > 0, count)
        texts = SECRETS | {"held security": HELD}
        look(checks, {place: text for place, (_, text) in found.items()}, texts)
        checks.check("SIGTERM ends it cleanly", demo.stop() == 0)
        files = [path for path in pathlib.Path(folder, "data").rglob("*") if path.is_file() and "packs" not in path.parts]
        raw = b"\n".join(path.read_bytes() for path in files).decode(errors="replace")
        demo.log.seek(0)
        look(checks, {f"{len(files)} files of the stores": raw})
        look(checks, {
            "what the demo prints": demo.log.read().decode(errors="replace"),
            f"{len(tracker.bodies)} requests to the tracker": tracker.text(),
            f"{len(receiver.bodies)} notifications": receiver.text(),
        }, texts)
    finally:
        demo.stop()
        if checks.failed:
            print(demo.tail())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True, help="the built program")
    arguments = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        run(checks, os.path.abspath(arguments.binary), folder)
    print(checks.summary())
    sys.exit(checks.failed > 0)


if __name__ == "__main__":
    main()
