"""A webhook that takes everything and counts it."""

import http.server
import json
import threading


class Sink:
    """Listens on a port of its own; `requests` and `alerts` say what has come."""

    def __init__(self):
        self.requests = self.alerts = 0
        lock = threading.Lock()
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # noqa: N802, the name that the library calls
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                count = len(json.loads(body)["alerts"])
                with lock:
                    sink.requests += 1
                    sink.alerts += count
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                """Says nothing."""

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 1024

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
