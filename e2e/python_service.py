"""End to end: a Python service with its standard OpenTelemetry packages, as docs/guides/python.md has it.

    python3 e2e/python_service.py --binary target/release/skopos [--venv FOLDER]

The guide's files are those of e2e/python, which is checked first. They are copied, on free ports; their requirements
are installed from PyPI into a virtual environment, which `--venv` keeps for the next run. Two instances of the service
then run beside Skopos, and what requests leave behind is asked for as the page and Grafana would: series with
exemplars, one trace across both, log lines with its id, an error as status, exception and line, panels with data.
Takes about a minute. Ends with `N passed, N failed`; exit 1 on a failure.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile
import time
import urllib.error
import urllib.request

from alerting import Program, eventually
from lib.checks import Checks, free_port
from lib.dashboards import check_dashboards
from lib.guide import check_files
from lib.venv import python_of

ROOT = pathlib.Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs" / "guides" / "python.md"
FILES = ROOT / "e2e" / "python"
# What pip chose for the packages that the guide does not name.
CONSTRAINTS = "constraints.txt"
LOOK_BACK_SECONDS = 600
PANEL_SECONDS = 90


class Skopos(Program):
    """Skopos and the questions that a user would ask it."""

    def instant(self, query):
        return self.get("/api/v1/query", query=query)["data"]["result"]

    def value(self, query):
        """The only sample of a query as a number."""
        found = self.instant(query)
        return float(found[0]["value"][1]) if len(found) == 1 else None

    def trace(self, trace_id):
        """The spans of a trace, each with the name of its service and its tags by name."""
        trace = self.get(f"/jaeger/api/traces/{trace_id}")["data"][0]
        return [span | {"service": trace["processes"][span["processID"]]["serviceName"],
                        "tags": {tag["key"]: tag["value"] for tag in span["tags"]}} for span in trace["spans"]]

    def lines(self, query):
        """(labels and metadata, line) of what a LogQL query finds."""
        end = time.time_ns()
        found = self.get("/loki/api/v1/query_range", query=query, start=end - LOOK_BACK_SECONDS * 10**9, end=end)
        return [(stream["stream"], value[1]) for stream in found["data"]["result"] for value in stream["values"]]


def lay_out(folder):
    """Copies the guide's files with free ports in place of those that the guide names; gives the ports by the old ones."""
    shutil.copytree(FILES, folder, ignore=shutil.ignore_patterns("__pycache__"))
    ports = {port: free_port() for port in ("4318", "8000", "8001", "9090")}
    for name in ("service.env", "pack/prometheus.yml"):
        path = folder / name
        path.write_text(re.sub(r"(?<=localhost:)\d+", lambda found: str(ports[found[0]]), path.read_text()))
    return ports


def start_skopos(binary, folder, ports):
    page, otlp = f"127.0.0.1:{ports['9090']}", f"127.0.0.1:{ports['4318']}"
    arguments = [binary, "serve", "--pack", str(folder / "pack"), "--storage.path", str(folder / "data"),
                 "--web.listen-address", page, "--otlp.http-listen-address", otlp, "--otlp.grpc-listen-address", "off"]
    return Skopos("skopos", folder, arguments, f"http://{page}", "/-/ready")


def start_service(name, port, folder, venv):
    """`sh start.sh NAME PORT` in the folder, with the virtual environment first on the path."""
    path = f"{venv / 'bin'}:{os.environ['PATH']}"
    arguments = ["env", "-C", str(folder), f"PATH={path}", "sh", "start.sh", name, str(port)]
    return Program(name, folder, arguments, f"http://127.0.0.1:{port}", "/docs")


def order(shop, item):
    """The status that an order is answered with."""
    request = urllib.request.Request(f"{shop.url}/orders/{item}", method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def trace_of(skopos, item):
    """The trace that the exemplar of an item's orders leads to."""
    end = time.time()
    found = skopos.get("/api/v1/query_exemplars", query=f'shop_orders_total{{item="{item}"}}',
                       start=end - LOOK_BACK_SECONDS, end=end)["data"]
    return found[0]["exemplars"][-1]["labels"]["trace_id"]


def check_metrics(checks, skopos):
    for job in ("shop", "stock"):
        checks.check(f"{job} is scraped", eventually(lambda job=job: skopos.value(f'up{{job="{job}"}}') == 1))
    for item, outcome in (("pen", "taken"), ("ink", "sold_out"), ("globe", "failed")):
        query = f'shop_orders_total{{item="{item}", outcome="{outcome}"}}'
        checks.check(f"the order of a {item} is counted", eventually(lambda query=query: skopos.value(query) == 1))
    query = 'http_server_request_duration_seconds_count{job="stock", http_route="/stock/{item}", http_response_status_code="500"}'
    checks.check("the instrumentation's own metrics are there", eventually(lambda: skopos.value(query) == 1))
    query = 'traces_span_metrics_calls_total{service_name="stock", span_name="GET /stock/{item}", status_code="STATUS_CODE_ERROR"}'
    checks.check("so are those that Skopos makes of spans", eventually(lambda: skopos.value(query) == 1))


def check_trace(checks, skopos):
    """A good order: one trace over both services, and the line that belongs to it."""
    trace_id = eventually(lambda: trace_of(skopos, "pen"))
    if not checks.check("the exemplar names a trace", trace_id):
        return
    spans = eventually(lambda: [spans for spans in [skopos.trace(trace_id)]
                                if {span["service"] for span in spans} == {"shop", "stock"}])
    if checks.check("the trace crosses both services", spans):
        named = {(span["service"], span["tags"]["span.kind"]): span for span in spans[0] if span["tags"]["span.kind"] != "internal"}
        wanted = {("shop", "server"): "POST /orders/{item}", ("shop", "client"): "GET", ("stock", "server"): "GET /stock/{item}"}
        names = {key: span["operationName"] for key, span in named.items()}
        checks.check("its spans are the requests", names == wanted, names)
        parent = named["stock", "server"]["references"][0]["spanID"]
        checks.check("the called service continues the caller's span", parent == named["shop", "client"]["spanID"])
        checks.check("nothing in it failed", not any(span["tags"].get("error") for span in spans[0]))
    found = eventually(lambda: skopos.lines(f'{{service_name="shop"}} | trace_id="{trace_id}" |= "order of pen"'))
    if checks.check("its log line is found by the trace's id", found):
        labels, line = found[0]
        checks.check("the line is the program's", line == "order of pen: taken", line)
        checks.check("with its fields", (labels.get("item"), labels.get("outcome")) == ("pen", "taken"))
        checks.check("and its span", labels.get("span_id") in {span["spanID"] for span in skopos.trace(trace_id)})
    services = eventually(lambda: {"shop", "stock"} <= set(skopos.get("/jaeger/api/services")["data"]))
    checks.check("both are among Jaeger's services", services)


def check_error(checks, skopos):
    """A failed order: status and exception on the spans of both, a line with the stack trace in each."""
    trace_id = eventually(lambda: trace_of(skopos, "globe"))
    if not checks.check("the failed order has an exemplar", trace_id):
        return
    for service, kind in (("shop", "HTTPStatusError"), ("stock", "TypeError")):
        spans = eventually(lambda service=service: [span for span in skopos.trace(trace_id) if span["service"] == service
                                                    and span["tags"]["span.kind"] == "server"])
        if checks.check(f"the trace has {service}'s span", spans):
            tags = spans[0]["tags"]
            checks.check("its status is an error", (tags.get("otel.status_code"), tags.get("error")) == ("ERROR", True))
            events = [{field["key"]: field["value"] for field in event["fields"]} for event in spans[0]["logs"]]
            types = [event.get("exception.type", "") for event in events if event.get("event") == "exception"]
            checks.check("it holds the exception", len(types) == 1 and types[0].endswith(kind), types)
        query = f'{{service_name="{service}"}} | trace_id="{trace_id}" | detected_level="error"'
        found = eventually(lambda query=query: skopos.lines(query))
        if checks.check(f"{service} logs the error in that trace", found):
            labels = found[0][0]
            checks.check("with the exception's type", labels.get("exception_type") == kind, labels.get("exception_type"))
            checks.check("and the stack trace", "shop.py" in labels.get("exception_stacktrace", ""))
    failed = skopos.get("/jaeger/api/traces", service="stock", tags='{"error":"true"}', limit=20)["data"]
    checks.check("a search for errors finds the trace", trace_id in {trace["traceID"] for trace in failed})


def check_otlp_metrics(checks, skopos, ports):
    """The guide says that metrics may be sent by OTLP too."""
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "sender"}}]}
    point = {"asInt": "7", "timeUnixNano": str(time.time_ns())}
    scopes = [{"metrics": [{"name": "e2e.size", "unit": "By", "gauge": {"dataPoints": [point]}}]}]
    body = {"resourceMetrics": [{"resource": resource, "scopeMetrics": scopes}]}
    request = urllib.request.Request(f"http://127.0.0.1:{ports['4318']}/v1/metrics", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        told = json.load(answer)
    checks.check("metrics over OTLP are taken", told == {}, told)
    value = skopos.value('e2e_size_bytes{job="sender"}')
    checks.check("and queryable", value == 7, value)


def check_service(checks, skopos, shop, ports):
    statuses = {item: order(shop, item) for item in ("pen", "ink", "globe", "unicorn")}
    checks.check("the service answers as the guide says", statuses == {"pen": 200, "ink": 409, "globe": 500, "unicorn": 404}, statuses)
    check_metrics(checks, skopos)
    check_trace(checks, skopos)
    check_error(checks, skopos)
    check_otlp_metrics(checks, skopos, ports)
    # A rate needs two samples, so the first order alone does not show: these are what the panels see.
    for _ in range(3):
        time.sleep(5)
        order(shop, "pen")
        order(shop, "globe")
    check_dashboards(checks, skopos, PANEL_SECONDS)
    paths = {span["tags"].get("url.path") for trace in skopos.get("/jaeger/api/traces", service="shop", limit=100)["data"]
             for span in skopos.trace(trace["traceID"])}
    checks.check("scrapes are not traced", not any(path and path.startswith("/metrics") for path in paths))


def run(checks, binary, folder, venv):
    ports, programs = lay_out(folder), []
    python_of(venv, "--requirement", FILES / "requirements.txt", "--constraint", FILES / CONSTRAINTS)
    try:
        programs.append(start_skopos(binary, folder, ports))
        for name, port in (("stock", ports["8001"]), ("shop", ports["8000"])):
            programs.append(start_service(name, port, folder, venv))
        check_service(checks, programs[0], programs[-1], ports)
    finally:
        for program in reversed(programs):
            program.stop()
        if checks.failed or len(programs) < 3:
            for program in programs:
                print(f"== {program.name}\n{program.tail()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--venv", type=pathlib.Path, help="folder of the virtual environment, kept; else a temporary one")
    arguments = parser.parse_args()
    checks = Checks()
    check_files(checks, GUIDE, FILES, unshown=[CONSTRAINTS])
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary) / "shop"
        venv = arguments.venv.resolve() if arguments.venv else folder / "venv"
        run(checks, os.path.abspath(arguments.binary), folder, venv)
    print(checks.summary())
    sys.exit(checks.failed > 0)


if __name__ == "__main__":
    main()
