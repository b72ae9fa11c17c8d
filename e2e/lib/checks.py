"""Counting checks and waiting for what comes."""

import socket
import threading
import time
import urllib.error


class Checks:
    """Counts checks and prints each as it is made; several threads may do so."""

    def __init__(self):
        self.passed = self.failed = 0
        self.lock = threading.Lock()

    def check(self, name, holds, detail=""):
        with self.lock:
            self.passed += bool(holds)
            self.failed += not holds
            print(f"{'ok  ' if holds else 'FAIL'} {name}{f': {detail}' if detail != '' else ''}", flush=True)
        return holds

    def summary(self):
        return f"{self.passed} passed, {self.failed} failed"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def eventually(seconds, ask, pause=1):
    """The first true answer of `ask` within `seconds`, else its last one."""
    deadline, answer = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        try:
            answer = ask()
        except (urllib.error.URLError, OSError, KeyError, IndexError, ValueError):
            answer = None
        if answer:
            return answer
        time.sleep(pause)
    return answer
