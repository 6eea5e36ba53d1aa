"""`git http-backend` behind the smallest web server: what a clone is compared with.

    python -m tests.bench.http_backend FOLDER PORT

Serves the repositories in FOLDER on 127.0.0.1, a thread for each request, with chunked answers as
the farm's server sends them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import BinaryIO

_CHUNK_BYTES = 1 << 16


class Handler(BaseHTTPRequestHandler):
    """One request passed on to git by CGI (git-http-backend(1))."""

    protocol_version = "HTTP/1.1"
    root = ""

    def do_GET(self) -> None:
        """Pass the request on."""
        self._pass_on(b"")

    def do_POST(self) -> None:
        """Pass the request on with its body."""
        self._pass_on(self._body())

    def log_message(self, *_arguments: object) -> None:
        """Nothing is logged: that is not measured either."""

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _pass_on(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        variables = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": self.root,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
        }
        with subprocess.Popen(
            ["git", "-c", "safe.directory=*", "http-backend"],
            env=variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # what is read past the headers would be lost to os.read
        ) as backend:
            assert backend.stdin is not None
            assert backend.stdout is not None
            sender = threading.Thread(target=_send, args=(backend.stdin, body))
            sender.start()
            self._answer(backend.stdout)
            sender.join()

    def _answer(self, said: BinaryIO) -> None:
        status, headers = 200, []
        while line := said.readline().strip():
            name, _, value = line.decode("latin-1").partition(": ")
            if name == "Status":
                status = int(value.split()[0])
            else:
                headers.append((name, value))
        self.send_response(status)
        for name, value in [*headers, ("Transfer-Encoding", "chunked")]:
            self.send_header(name, value)
        self.end_headers()
        while piece := os.read(said.fileno(), _CHUNK_BYTES):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")


def _send(pipe: BinaryIO, body: bytes) -> None:
    with pipe:
        pipe.write(body)


if __name__ == "__main__":
    Handler.root = sys.argv[1]
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()
