"""Calls of botocore and responses that reach a server of this process without a socket.

Sockets, TLS and signatures take half of the time of a call. The system tests have all of them. The
responses of child processes have sockets and TLS, too.
"""

import io
from collections.abc import Callable, Iterable, Mapping
from http.client import RemoteDisconnected
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError
from botocore.exceptions import ReadTimeoutError as BotocoreReadTimeoutError
from botocore.httpsession import URLLib3Session
from urllib3 import BaseHTTPResponse, HTTPResponse
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import ReadTimeoutError

from sandbox.http_server import READ_TIMEOUT, DropConnection, Handle, HttpRequest

_sign = SigV4Auth.add_auth
_send_through_a_socket = URLLib3Session.send
make_request_through_a_socket = HTTPConnectionPool._make_request


def add_auth(urls: Iterable[str]) -> Callable[[Any, AWSRequest], None]:
    """Return what takes the place of SigV4Auth.add_auth; urls: of the emulators.

    Calls to them have the Region, which is all that they read. Other calls are signed.
    """
    hosts = {urlsplit(url).netloc for url in urls}

    def sign(signer: Any, request: AWSRequest) -> None:
        if urlsplit(request.url).netloc in hosts:
            scope = f"testing/20270115/{signer._region_name}/{signer._service_name}/aws4_request"
            request.headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}"
        else:
            _sign(signer, request)

    return sign


def send(
    handles: Mapping[str, Handle], pause: Callable[[float], None]
) -> Callable[[Any, AWSPreparedRequest], AWSResponse]:
    """Return what takes the place of URLLib3Session.send.

    handles: the emulators by URL. Calls to other URLs go through a socket.
    pause: lets seconds pass. A response that never comes costs its read timeout.
    """
    by_host = {urlsplit(url).netloc: handle for url, handle in handles.items()}

    def send(session: Any, request: AWSPreparedRequest) -> AWSResponse:
        _, host, path, query, _ = urlsplit(request.url)
        handle = by_host.get(host)
        if handle is None:
            return _send_through_a_socket(session, request)
        headers = {name.title(): _text(value) for name, value in request.headers.items()}
        target = f"{path}?{query}" if query else path
        try:
            response = handle(HttpRequest(request.method, target, headers, _body(request.body)))
        except DropConnection:
            gone = RemoteDisconnected("Remote end closed connection without response")
            raise ConnectionClosedError(endpoint_url=request.url, error=gone) from None
        if READ_TIMEOUT in response.headers:
            pause(session._timeout.read_timeout)
            raise BotocoreReadTimeoutError(endpoint_url=request.url, error="Read timed out.")
        raw = HTTPResponse(io.BytesIO(response.body), preload_content=False)
        return AWSResponse(request.url, response.status, response.headers, raw)

    return send


def make_request(
    handles: Mapping[str, Handle], pause: Callable[[float], None]
) -> Callable[..., BaseHTTPResponse]:
    """Return what takes the place of HTTPConnectionPool._make_request, for the responses.

    handles, pause: as of send().
    """
    by_host = {urlsplit(url).netloc: handle for url, handle in handles.items()}

    def request(
        pool: HTTPConnectionPool, connection: Any, method: str, url: str, **options: Any
    ) -> BaseHTTPResponse:
        handle = by_host.get(f"{pool.host}:{pool.port}")
        if handle is None:
            return make_request_through_a_socket(pool, connection, method, url, **options)
        headers = {name.title(): _text(value) for name, value in options["headers"].items()}
        try:
            response = handle(HttpRequest(method, url, headers, _body(options["body"])))
        except DropConnection:
            raise RemoteDisconnected("Remote end closed connection without response") from None
        if READ_TIMEOUT in response.headers:
            pause(options["timeout"].read_timeout)
            raise ReadTimeoutError(pool, url, "Read timed out.")
        return HTTPResponse(
            io.BytesIO(response.body),
            response.headers,
            response.status,
            preload_content=options["preload_content"],
        )

    return request


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode()


def _body(body: str | bytes | None) -> bytes:
    return body.encode() if isinstance(body, str) else body or b""
