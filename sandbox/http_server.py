"""A small threaded HTTP or HTTPS server on a free port."""

import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class HttpRequest:
    """A client's request. The path is percent-encoded, with its query, as sent.

    headers: their names are in title case, because HTTP ignores the case.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class HttpResponse:
    """The response to a client."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class DropConnection(Exception):
    """Raised by a handler: close the connection without a response."""


# Stands for a response that never comes. A client in a test takes this header for a read timeout,
# so that no test has to wait for one (tests/conftest.py).
READ_TIMEOUT = "X-Read-Timeout"
NEVER = HttpResponse(200, headers={READ_TIMEOUT: "yes"})


Handle = Callable[[HttpRequest], HttpResponse]


@dataclass(frozen=True)
class Place:
    """A server's address to listen on, and its host name for clients."""

    address: str
    host: str


LOOPBACK = Place("127.0.0.1", "127.0.0.1")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512  # hundreds of functions may connect at once


class HttpServer:
    """Serves `handle` in threads from construction until close()."""

    def __init__(
        self, handle: Handle, tls: ssl.SSLContext | None = None, place: Place = LOOPBACK
    ) -> None:
        self._server = _Server((place.address, 0), _request_handler(handle))
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://{place.host}:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def _request_handler(handle: Handle) -> type[BaseHTTPRequestHandler]:
    class RequestHandler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one write for each response: unbuffered, each call takes 40 ms more
        disable_nagle_algorithm = True

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            headers = {name.title(): value for name, value in self.headers.items()}
            request = HttpRequest(self.command, self.path, headers, body)
            try:
                response = handle(request)
            except DropConnection:
                self.close_connection = True
                return
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            self.wfile.write(response.body)

        do_GET = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815

        def log_message(self, *args: Any) -> None:
            """Log nothing; the emulator keeps a journal."""

    return RequestHandler
