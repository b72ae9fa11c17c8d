"""End to end: from nothing to a Rust service's own metric on a dashboard, by docs/sdk.md alone.

    python3 e2e/rust_guide.py --binary target/release/skopos [--target FOLDER]

Makes a crate with `cargo new`, puts the files that the guide shows into it, with free ports and the path of this SDK,
checks the pack, starts Skopos and the service, and sends the guide's requests. Then the counter must be on `/metrics`,
in Skopos and in the panel, the requests in traces, and the log lines whole. `--target` keeps what cargo built for the
next run. Says how long the steps took, the first build apart. Ends with `N passed, N failed`; exit 1 on a failure.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

from alerting import Program, eventually
from lib.checks import Checks, free_port
from lib.dashboards import check_dashboards
from lib.guide import shown_files

ROOT = pathlib.Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs" / "sdk.md"
FILES = ("Cargo.toml", "src/main.rs", "pack/prometheus.yml", "pack/dashboards/billing.json")
REQUESTS = 20
PANEL_SECONDS = 60
GUIDE_MINUTES = 30


class Skopos(Program):
    """Skopos and the questions that a user would ask it."""

    def instant(self, query):
        return self.get("/api/v1/query", query=query)["data"]["result"]


def lay_out(crate, service_port):
    """`cargo new` and the guide's files; what names a port or a path of the reader's names ours."""
    subprocess.run(["cargo", "new", "--quiet", "--vcs", "none", crate], check=True)
    shown = shown_files(GUIDE)
    for name in FILES:
        text = shown[name].replace("8010", str(service_port)).replace("../skopos/crates/sdk", str(ROOT / "crates" / "sdk"))
        path = crate / name
        if name == "Cargo.toml":
            text = re.sub(r"\[dependencies\]\s*\Z", "", path.read_text()) + text
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    # The versions that Skopos itself is built with.
    shutil.copy(ROOT / "Cargo.lock", crate / "Cargo.lock")


def build(crate, target):
    subprocess.run(["cargo", "build", "--quiet", "--manifest-path", crate / "Cargo.toml", "--target-dir", target], check=True)
    return target / "debug" / "billing"


def start_skopos(binary, folder, crate):
    page, otlp = (f"127.0.0.1:{free_port()}" for _ in range(2))
    arguments = [binary, "serve", "--pack", str(crate / "pack"), "--storage.path", str(folder / "data"),
                 "--web.listen-address", page, "--otlp.http-listen-address", otlp, "--otlp.grpc-listen-address", "off"]
    return Skopos("skopos", folder, arguments, f"http://{page}", "/-/ready"), f"http://{otlp}"


def start_service(program, folder, port, otlp):
    # The port is not 4318, so the protocol has to be named.
    arguments = ["env", f"OTEL_EXPORTER_OTLP_ENDPOINT={otlp}", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", str(program)]
    return Program("billing", folder, arguments, f"http://127.0.0.1:{port}", "/metrics")


def send_invoices(billing):
    for _ in range(REQUESTS):
        request = urllib.request.Request(f"{billing.url}/v1/invoices/acme", method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            yield answer.read().decode()
        time.sleep(1)


def check_metric(checks, skopos, billing):
    series = f'invoices_sent_total{{tenant="acme",otel_scope_name="billing"}} {REQUESTS}'
    lines = billing.get("/metrics", text=True).splitlines()
    found = [line for line in lines if line.startswith("invoices_sent_total")]
    checks.check("the counter is on /metrics as the guide writes it", series in found, found)
    query = 'invoices_sent_total{job="billing", tenant="acme"}'
    stored = eventually(lambda: [sample for sample in skopos.instant(query) if float(sample["value"][1]) == REQUESTS])
    checks.check("Skopos has it", stored)
    check_dashboards(checks, skopos, PANEL_SECONDS)


def check_rest(checks, skopos, billing):
    traces = eventually(lambda: skopos.get("/jaeger/api/traces", service="billing", limit=100)["data"]) or []
    names = {span["operationName"] for trace in traces for span in trace["spans"]}
    checks.check("every request has a span, a scrape has none", names == {"POST /v1/invoices/{tenant}"}, names)
    log = pathlib.Path(billing.path).read_text().splitlines()
    lines = [line for line in map(json.loads, log) if line["message"] == "invoice sent"]
    known = {trace["traceID"] for trace in traces}
    checks.check("every line has its fields", len(lines) == REQUESTS and all(line["tenant"] == "acme" for line in lines))
    checks.check("and the ids of its span", lines and {line["trace_id"] for line in lines} == known)
    requests = 'http_requests_total{job="billing", endpoint="/v1/invoices/{tenant}", status="200"}'
    checks.check("requests are counted", eventually(lambda: skopos.instant(requests)))


def run(checks, binary, folder, target):
    crate, port, programs = folder / "billing", free_port(), []
    began = time.monotonic()
    lay_out(crate, port)
    before_build = time.monotonic()
    program = build(crate, target)
    built = time.monotonic() - before_build
    told = subprocess.run([binary, "check", "config", "pack"], cwd=crate, capture_output=True, text=True, check=False)
    promised = "pack: ok, 1 scrape jobs, 0 rules, 1 dashboards"
    checks.check("`skopos check config pack` says what the guide says", promised in told.stdout and promised in GUIDE.read_text(), told.stdout.strip())
    try:
        skopos, otlp = start_skopos(binary, folder, crate)
        programs.append(skopos)
        billing = start_service(program, folder, port, otlp)
        programs.append(billing)
        checks.check("the service answers", all(answer == "sent\n" for answer in send_invoices(billing)))
        check_metric(checks, skopos, billing)
        minutes = (time.monotonic() - began) / 60
        checks.check(f"the metric is on the dashboard within {GUIDE_MINUTES} minutes", minutes < GUIDE_MINUTES,
                     f"{minutes:.1f} min, {built / 60:.1f} of them the first build")
        check_rest(checks, skopos, billing)
    finally:
        for program in reversed(programs):
            program.stop()
        if checks.failed or len(programs) < 2:
            for program in programs:
                print(f"== {program.name}\n{program.tail()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--target", type=pathlib.Path, help="cargo's target folder, kept; else a temporary one")
    arguments = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        target = arguments.target.resolve() if arguments.target else folder / "target"
        run(checks, os.path.abspath(arguments.binary), folder, target)
    print(checks.summary())
    sys.exit(checks.failed > 0)


if __name__ == "__main__":
    main()
