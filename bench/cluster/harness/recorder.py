"""A proxy before Elasticsearch that keeps the bulks which went through it, so that a bare client can send the same once more.

What is kept: each body behind its length in 8 bytes, in the order in which Elasticsearch had taken them.
"""

import http.client
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import elastic

LENGTH = struct.Struct(">Q")


class Recorder:
    """Serves until the end of its `with` block."""

    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()

    def __enter__(self):
        self.file = self.path.open("wb")
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler(self))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.file.close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def keep(self, body):
        with self.lock:
            self.file.write(LENGTH.pack(len(body)))
            self.file.write(body)


def handler(recorder):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body of an answer are two writes: without this the second waits for an acknowledgement.
        disable_nagle_algorithm = True

        def setup(self):
            super().setup()
            self.upstream = elastic.connect()

        def pass_on(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            self.upstream.request(self.command, self.path, body, headers)
            answer = self.upstream.getresponse()
            content = answer.read()
            if "/_bulk" in self.path and b'"errors":false' in content:
                recorder.keep(body)
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = pass_on

        def log_message(self, *_):
            pass

        def handle(self):
            try:
                super().handle()
            except (OSError, http.client.HTTPException):
                pass  # the peer has ended

    return Handler


def bodies(path):
    """What was kept."""
    with path.open("rb") as file:
        while head := file.read(LENGTH.size):
            yield file.read(LENGTH.unpack(head)[0])
