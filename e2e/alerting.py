"""End to end: alerting with the real programs beside it.

    python3 e2e/alerting.py --binary target/release/skopos

Starts Debian's prometheus, which sends its alerts to Skopos; Skopos, which sends its own to Debian's
prometheus-alertmanager; both at once; and amtool against Skopos. What receivers get is checked at a
local webhook. Alerts follow a metric that this program serves, so they fire and end when it says so.
Takes about a minute. Ends with `N passed, N failed`; exit 1 on a failure.
"""

import argparse
import http.server
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import urllib.request

from lib import checks as checks_lib
from lib.checks import Checks, free_port

# Longest time that anything may take. Intervals below are a second or two; a busy machine is slower.
PATIENCE_SECONDS = 30
PAUSE_SECONDS = 0.1


class Site:
    """A local web server: gives the metric `e2e_fault` and keeps what webhooks post."""

    def __init__(self):
        self.faults, self.posts, self.lock = {}, [], threading.Lock()
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                with site.lock:
                    lines = [f'e2e_fault{{unit="{unit}"}} {value}\n' for unit, value in site.faults.items()]
                self.answer("".join(lines).encode())

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with site.lock:
                    site.posts.append((self.path, body))
                self.answer(b"")

            def answer(self, body):
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def set(self, **faults):
        with self.lock:
            self.faults.update(faults)

    def clear(self):
        with self.lock:
            self.faults.clear()
            self.posts.clear()

    def posted(self, path, status=None, unit=None):
        """The bodies that came to a path, of a status, with an alert of a unit."""
        with self.lock:
            bodies = [body for where, body in self.posts if where == path]
        of_unit = lambda body: unit is None or any(alert["labels"].get("unit") == unit for alert in body["alerts"])
        return [body for body in bodies if status in (None, body["status"]) and of_unit(body)]


class Program:
    """A program that runs until it is stopped, with its output in a file."""

    def __init__(self, name, folder, arguments, url, ready, environment=None):
        self.name, self.arguments, self.url, self.ready = name, arguments, url, ready
        self.path = os.path.join(folder, f"{name}.log")
        self.environment = environment
        self.process = None
        self.start()

    def start(self):
        with open(self.path, "ab") as log:
            self.process = subprocess.Popen(self.arguments, stdout=log, stderr=subprocess.STDOUT, env=self.environment)
        if not eventually(lambda: self.get(self.ready, text=True) is not None):
            raise SystemExit(f"{self.name} is not ready:\n{self.tail()}")

    def get(self, path, text=False, **parameters):
        query = urllib.parse.urlencode(parameters, doseq=True)
        with urllib.request.urlopen(f"{self.url}{path}?{query}", timeout=10) as answer:
            return answer.read().decode() if text else json.load(answer)

    def alerts(self, unit, **parameters):
        """Its alerts of a unit, as Alertmanager's API gives them."""
        alerts = self.get("/api/v2/alerts", **parameters)
        return [alert for alert in alerts if alert["labels"].get("unit") == unit]

    def metric(self, name, **labels):
        """Sum of the samples of one of its own metrics."""
        total = 0.0
        for line in self.get("/metrics", text=True).splitlines():
            found = re.fullmatch(rf"{name}(\{{.*\}})? (\S+)", line)
            if found and all(f'{label}="{value}"' in (found[1] or "") for label, value in labels.items()):
                total += float(found[2])
        return total

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            # A program that was halted would not see its end.
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def tail(self):
        return pathlib.Path(self.path).read_text(errors="replace")[-3000:]


def eventually(ask):
    """The first true answer of `ask`, else its last one."""
    return checks_lib.eventually(PATIENCE_SECONDS, ask, PAUSE_SECONDS)


def write(folder, name, text):
    path = os.path.join(folder, name)
    # Written beside and moved, so that nobody reads half of it.
    pathlib.Path(path + ".new").write_text(text)
    os.replace(path + ".new", path)
    return path


def alertmanager_yml(site, path):
    """Pages go to PATH/pager, everything else to PATH/team."""
    return f"""
global: {{resolve_timeout: 5s}}
route:
  receiver: team
  group_by: [alertname]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1h
  routes: [{{receiver: pager, matchers: [severity="page"]}}]
receivers:
- {{name: team, webhook_configs: [{{url: 'http://{site.address}{path}/team', send_resolved: true}}]}}
- {{name: pager, webhook_configs: [{{url: 'http://{site.address}{path}/pager', send_resolved: true}}]}}
"""


RULES = """
groups:
- name: e2e
  interval: 1s
  rules:
  - alert: Fault
    expr: e2e_fault == 1
    for: 1s
    labels: {severity: page, replica: r1}
    annotations: {summary: 'unit {{ $labels.unit }} is broken'}
"""


def prometheus_yml(site, alerting):
    return f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s, external_labels: {{cluster: e2e}}}}
rule_files: [rules.yml]
scrape_configs: [{{job_name: site, static_configs: [{{targets: ['{site.address}']}}]}}]
alerting:
{alerting}
"""


def start_skopos(binary, folder, more):
    address = f"127.0.0.1:{free_port()}"
    arguments = [binary, "serve", "--storage.path", os.path.join(folder, "data"), "--web.listen-address", address,
                 "--otlp.grpc-listen-address", "off", "--otlp.http-listen-address", "off",
                 "--self.scrape-interval", "0s", *more]
    return Program("skopos", folder, arguments, f"http://{address}", "/-/ready")


def start_prometheus(folder, config):
    address = f"127.0.0.1:{free_port()}"
    arguments = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/tsdb",
                 f"--web.listen-address={address}", "--rules.alert.resend-delay=1s"]
    return Program("prometheus", folder, arguments, f"http://{address}", "/-/ready")


def start_alertmanager(folder, config):
    address = f"127.0.0.1:{free_port()}"
    arguments = ["prometheus-alertmanager", f"--config.file={config}", f"--storage.path={folder}/alertmanager",
                 f"--web.listen-address={address}", "--web.route-prefix=/am", "--cluster.listen-address="]
    return Program("alertmanager", folder, arguments, f"http://{address}/am", "/-/ready")


def check_from_prometheus(checks, site, skopos, prometheus):
    """Prometheus fires: routed, grouped, delivered; resolved; and gone without a word."""
    site.set(one=1, two=1)
    alert = eventually(lambda: skopos.alerts("one"))
    checks.check("an alert of Prometheus is in Skopos", alert)
    if alert:
        checks.check("it has the external labels", alert[0]["labels"].get("cluster") == "e2e", alert[0]["labels"])
        checks.check("it is routed", [one["name"] for one in alert[0]["receivers"]] == ["pager"], alert[0]["receivers"])
    whole = lambda body: {one["labels"]["unit"] for one in body["alerts"]} == {"one", "two"}
    bodies = eventually(lambda: [body for body in site.posted("/in/pager", "firing") if whole(body)])
    if checks.check("both alerts come in one notification", bodies):
        body = bodies[0]
        checks.check("the payload is Alertmanager's", (body["version"], body["receiver"], body["groupLabels"]) ==
                     ("4", "pager", {"alertname": "Fault"}), body)
        checks.check("it links to Skopos", body["externalURL"] == skopos.url, body["externalURL"])
        one = body["alerts"][0]
        checks.check("the alert links to Prometheus", f":{prometheus.url.rsplit(':', 1)[1]}/graph" in one["generatorURL"],
                     one["generatorURL"])
        checks.check("annotations are expanded", one["annotations"]["summary"].startswith("unit "), one["annotations"])
    groups = skopos.get("/api/v2/alerts/groups", receiver="pager")
    checks.check("the API shows the group", [group["labels"] for group in groups] == [{"alertname": "Fault"}], groups)
    checks.check("nobody else is told", site.posted("/in/team") == [])
    site.set(one=0)
    ended = lambda: [alert for body in site.posted("/in/pager", unit="one") for alert in body["alerts"]
                     if alert["labels"]["unit"] == "one" and alert["status"] == "resolved"]
    checks.check("the end of one is told while the other fires", eventually(ended))
    site.set(two=0)
    checks.check("the end of all is told", eventually(lambda: site.posted("/in/pager", "resolved", "two")))

    site.set(three=1)
    checks.check("another alert fires", eventually(lambda: site.posted("/in/pager", "firing", "three")))
    prometheus.kill()
    checks.check("an alert of a killed Prometheus ends", eventually(lambda: site.posted("/in/pager", "resolved", "three")))
    checks.check("it is gone from the API", eventually(lambda: skopos.alerts("three") == []))


def check_to_alertmanager(checks, site, skopos, alertmanager, found):
    """Skopos fires: both notifiers get it; the outside one is away twice."""
    active = eventually(lambda: skopos.get("/api/v1/alertmanagers")["data"]["activeAlertmanagers"])
    checks.check("the Alertmanager is found through its file", active == [{"url": alertmanager.url + "/api/v2/alerts"}], active)
    site.set(four=1)
    alert = eventually(lambda: alertmanager.alerts("four"))
    if checks.check("an alert of Skopos is in Alertmanager", alert):
        labels = {name: alert[0]["labels"].get(name) for name in ("cluster", "severity", "replica")}
        checks.check("with external labels and relabelled", labels == {"cluster": "e2e", "severity": "page", "replica": None}, labels)
        checks.check("it links to Skopos", alert[0]["generatorURL"].startswith(skopos.url), alert[0]["generatorURL"])
    for name, path in (("Alertmanager", "/out/pager"), ("Skopos itself", "/own/pager")):
        checks.check(f"{name} notifies", eventually(lambda path=path: site.posted(path, "firing", "four")))
    checks.check("what was sent is counted", skopos.metric("prometheus_notifications_sent_total") > 0)
    checks.check("nothing was dropped", skopos.metric("prometheus_notifications_dropped_total") == 0)

    # Halted, it keeps what it knows and answers nobody.
    alertmanager.process.send_signal(signal.SIGSTOP)
    site.set(four=0)
    checks.check("Skopos itself tells the end", eventually(lambda: site.posted("/own/pager", "resolved", "four")))
    failed = eventually(lambda: skopos.metric("prometheus_notifications_dropped_total", reason="send_failed") > 0)
    checks.check("alerts that are not taken are counted", failed)
    alertmanager.process.send_signal(signal.SIGCONT)
    checks.check("back again, Alertmanager tells the end too", eventually(lambda: site.posted("/out/pager", "resolved", "four")))

    alertmanager.kill()
    errors = skopos.metric("prometheus_notifications_errors_total")
    site.set(five=1)
    counted = eventually(lambda: skopos.metric("prometheus_notifications_errors_total") > errors)
    checks.check("refused connections are counted", counted)
    alertmanager.start()
    checks.check("an alert that began meanwhile is sent anew", eventually(lambda: alertmanager.alerts("five")))
    checks.check("and told", eventually(lambda: site.posted("/out/pager", "firing", "five")))

    write(*found, "[]")
    gone = eventually(lambda: skopos.get("/api/v1/alertmanagers")["data"]["activeAlertmanagers"] == [])
    checks.check("an Alertmanager that leaves the file gets no more alerts", gone)
    site.set(five=0)
    checks.check("Skopos goes on alone", eventually(lambda: site.posted("/own/pager", "resolved", "five")))


class Amtool:
    """amtool against Skopos."""

    def __init__(self, checks, skopos):
        self.checks, self.url = checks, skopos.url

    def run(self, *arguments, url=True):
        command = ["amtool", *arguments, *([f"--alertmanager.url={self.url}"] if url else [])]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        # On stderr it also says that its version is another one than ours.
        return ran.returncode, (ran.stderr if ran.returncode else ran.stdout).strip()

    def check(self, name, wanted, *arguments, url=True):
        """Runs a command that must succeed and say `wanted`; gives what it said."""
        status, said = self.run(*arguments, url=url)
        self.checks.check(f"amtool {name}", status == 0 and wanted in said, "" if status == 0 else said)
        if status == 0 and wanted not in said:
            print(f"     {wanted!r} is not in {said!r}")
        return said


def check_amtool(checks, site, skopos, folder, config):
    amtool = Amtool(checks, skopos)
    amtool.check("alert add", "", "alert", "add", "ByHand", "severity=page", "unit=six", "--annotation=summary=by hand")
    amtool.check("alert query", "ByHand", "alert", "query", "unit=six")
    amtool.check("alert query with a pattern", "ByHand", "alert", "query", "unit=~s.x", "severity=page", "--active")
    checks.check("the alert is told", eventually(lambda: site.posted("/own/pager", "firing", "six")))
    silence = amtool.check("silence add", "", "silence", "add", "unit=six", "--author=e2e", "--comment=quiet", "--duration=1h")
    silence = silence.split()[-1] if silence else ""
    amtool.check("silence query", silence, "silence", "query", "unit=six", "-o", "extended")
    held = eventually(lambda: "ByHand" in amtool.run("alert", "query", "--silenced", "unit=six")[1])
    checks.check("amtool alert query --silenced", held)
    exported = amtool.check("silence query as JSON", silence, "silence", "query", "-o", "json")
    amtool.check("silence expire", "", "silence", "expire", silence)
    checks.check("the silence is over", eventually(lambda: silence not in amtool.run("silence", "query")[1]))
    imported = [{**one, "id": "", "comment": "imported"} for one in json.loads(exported)]
    path = write(folder, "silences.json", json.dumps(imported))
    amtool.check("silence import", "", "silence", "import", path)
    amtool.check("silence query after the import", "imported", "silence", "query", "unit=six")
    amtool.check("config routes test", "pager", "config", "routes", "test", "severity=page", "unit=x")
    amtool.check("config routes test --verify.receivers", "team", "config", "routes", "test", "--verify.receivers=team", "unit=x")
    amtool.check("config routes show", 'severity="page"', "config", "routes", "show")
    amtool.check("config show", "receiver: team", "config", "show")
    amtool.check("check-config", "SUCCESS", "check-config", config, url=False)


def from_prometheus(checks, site, binary, folder):
    config = write(folder, "alertmanager.yml", alertmanager_yml(site, "/in"))
    skopos = start_skopos(binary, folder, ["--alertmanager.config.file", config])
    write(folder, "rules.yml", RULES)
    target = skopos.url.removeprefix("http://")
    alerting = f"  alertmanagers: [{{static_configs: [{{targets: ['{target}']}}]}}]"
    prometheus = start_prometheus(folder, write(folder, "prometheus.yml", prometheus_yml(site, alerting)))
    yield from (prometheus, skopos)
    check_from_prometheus(checks, site, skopos, prometheus)


def to_alertmanager(checks, site, binary, folder):
    alertmanager = start_alertmanager(folder, write(folder, "outside.yml", alertmanager_yml(site, "/out")))
    yield alertmanager
    target = urllib.parse.urlparse(alertmanager.url).netloc
    found = (folder, "alertmanagers.json")
    write(*found, json.dumps([{"targets": [target]}]))
    alerting = """
  alert_relabel_configs: [{regex: replica, action: labeldrop}]
  alertmanagers: [{path_prefix: /am, timeout: 1s, file_sd_configs: [{files: [alertmanagers.json]}]}]
"""
    write(folder, "rules.yml", RULES)
    own = write(folder, "alertmanager.yml", alertmanager_yml(site, "/own"))
    config = write(folder, "prometheus.yml", prometheus_yml(site, alerting))
    more = ["--config.file", config, "--alertmanager.config.file", own, "--rules.alert.resend-delay", "1s"]
    skopos = start_skopos(binary, folder, more)
    yield skopos
    check_to_alertmanager(checks, site, skopos, alertmanager, found)
    check_amtool(checks, site, skopos, folder, own)
    checks.check("SIGTERM ends Skopos cleanly", skopos.stop() == 0)


def run(checks, scenario, binary):
    """Runs a scenario, which gives the programs that it starts, and stops them."""
    site, programs = Site(), []
    with tempfile.TemporaryDirectory() as folder:
        failed = checks.failed
        try:
            for program in scenario(checks, site, binary, folder):
                programs.append(program)
        finally:
            for program in programs:
                program.stop()
            if checks.failed > failed:
                for program in programs:
                    print(f"== {program.name}\n{program.tail()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    arguments = parser.parse_args()
    checks = Checks()
    for scenario in (from_prometheus, to_alertmanager):
        run(checks, scenario, os.path.abspath(arguments.binary))
    print(f"{checks.passed} passed, {checks.failed} failed")
    sys.exit(checks.failed > 0)


if __name__ == "__main__":
    main()
