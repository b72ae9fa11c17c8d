"""A local sink for notifications: keeps which alerts arrived, where, in which state."""

import http.server
import json
import threading
import time


class Webhook:
    """Listens on 127.0.0.1 at the port that the packs' receivers post to."""

    def __init__(self, port=9099):
        self.arrivals, self.lock = [], threading.Lock()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                hook.take(self.path, body)
                self.answer()

            def do_GET(self):
                self.answer()

            def answer(self):
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, path, body):
        try:
            alerts = json.loads(body).get("alerts", [])
        except (ValueError, AttributeError):
            # A heartbeat is no notification.
            return
        with self.lock:
            for alert in alerts:
                self.arrivals.append((time.monotonic(), path, alert["status"], alert["labels"]))

    def arrived(self, system, name, status, since):
        """Paths at which an alert of that system and name arrived in that state after an instant."""
        with self.lock:
            return sorted({path for at, path, state, labels in self.arrivals
                           if at >= since and state == status and labels.get("alertname") == name
                           and labels.get("system") == system})

    def names(self, system, status, since):
        """Names of all alerts of a system that arrived in that state after an instant."""
        with self.lock:
            return {labels.get("alertname") for at, _, state, labels in self.arrivals
                    if at >= since and state == status and labels.get("system") == system}

    def close(self):
        self.server.shutdown()
        self.server.server_close()
