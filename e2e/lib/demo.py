"""A running `skopos demo` and its API."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.parse
import urllib.request

from .checks import free_port


class Demo:
    """Started with further arguments as they are; `url` is where its page and APIs are."""

    def __init__(self, binary, folder, arguments=(), port=None):
        self.log = open(os.path.join(folder, "skopos.log"), "w+b")
        self.url = f"http://127.0.0.1:{port or free_port()}"
        command = [binary, "demo", "--storage.path", os.path.join(folder, "data"), "--web.listen-address",
                   self.url.removeprefix("http://"), "--otlp.grpc-listen-address", f"127.0.0.1:{free_port()}",
                   "--otlp.http-listen-address", f"127.0.0.1:{free_port()}", *arguments]
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)

    def wait_ready(self, seconds=30):
        while time.monotonic() - self.started < seconds and self.process.poll() is None:
            try:
                if urllib.request.urlopen(self.url + "/-/ready", timeout=1).status == 200:
                    return time.monotonic() - self.started
            except OSError:
                time.sleep(0.01)
        tail = self.tail()
        self.stop()
        raise SystemExit(f"not ready within {seconds} s:\n{tail}")

    def get(self, path, **parameters):
        query = urllib.parse.urlencode(parameters, doseq=True)
        with urllib.request.urlopen(f"{self.url}{path}?{query}", timeout=30) as answer:
            return json.load(answer)

    def post(self, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def instant(self, query, **parameters):
        return self.get("/api/v1/query", query=query, **parameters)["data"]["result"]

    def switch(self, fault, is_on):
        """Switches a fault of the running fleet."""
        return self.post(f"/api/skopos/fleet/faults/{fault}", {"active": is_on})

    def resident_bytes(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) * 1024

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return None

    def tail(self):
        self.log.flush()
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-4000:]
