"""Calls of urllib3 that reach an emulator of this process without a socket."""

import io
from collections.abc import Callable, Mapping
from http.client import RemoteDisconnected
from typing import Any
from urllib.parse import urlsplit

from urllib3 import HTTPResponse
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import ReadTimeoutError

from sandbox.http_server import READ_TIMEOUT, DropConnection, Handle, HttpRequest

_through_a_socket = HTTPConnectionPool._make_request


def make_request(
    handles: Mapping[str, Handle], pause: Callable[[float], None]
) -> Callable[..., Any]:
    """Return what takes the place of HTTPConnectionPool._make_request.

    handles: the emulators by URL. Calls to other URLs go through a socket.
    pause: lets seconds pass. A response that never comes costs its read timeout.
    """
    by_host = {urlsplit(url).netloc: handle for url, handle in handles.items()}

    def request(pool: Any, connection: Any, method: str, url: str, **options: Any) -> Any:
        if handle := by_host.get(f"{pool.host}:{pool.port}"):
            response = _call(handle, method, url, **options)
        else:
            response = _through_a_socket(pool, connection, method, url, **options)
        if READ_TIMEOUT in response.headers:
            connection.close()
            pause(options["timeout"].read_timeout)
            raise ReadTimeoutError(pool, url, "Read timed out.")
        return response

    return request


def _call(
    handle: Handle,
    method: str,
    url: str,
    *,
    body: str | bytes | None,
    headers: Mapping[str, str | bytes],
    preload_content: bool,
    decode_content: bool,
    **_: Any,
) -> HTTPResponse:
    """Serve a request as sandbox/http_server.py does, but in this thread."""
    sent = {name.title(): _bytes(value).decode() for name, value in headers.items()}
    try:
        response = handle(HttpRequest(method, url, sent, _bytes(body or b"")))
    except DropConnection:
        raise RemoteDisconnected("Remote end closed connection without response") from None
    return HTTPResponse(
        io.BytesIO(response.body),
        response.headers,
        response.status,
        preload_content=preload_content,
        decode_content=decode_content,
    )


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
