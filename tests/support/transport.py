"""Calls of botocore and responses that reach a server of this process without a socket.

Sockets, TLS and the preparation of a request take two thirds of the time of a call. The system
tests have all of them.
"""

import io
from collections.abc import Callable, Mapping
from http.client import RemoteDisconnected
from typing import Any
from urllib.parse import urlencode, urlsplit

from botocore.awsrequest import AWSResponse, HeadersDict, prepare_request_dict
from botocore.client import BaseClient
from botocore.exceptions import ConnectionClosedError
from botocore.exceptions import ReadTimeoutError as BotocoreReadTimeoutError
from botocore.model import OperationModel
from urllib3 import BaseHTTPResponse, HTTPResponse
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import ReadTimeoutError

from sandbox.http_server import READ_TIMEOUT, DropConnection, Handle, HttpRequest

Pause = Callable[[float], None]

make_api_call_through_a_socket = BaseClient._make_api_call
make_request_through_a_socket = HTTPConnectionPool._make_request


def make_api_call(
    handles: Mapping[str, Handle], pause: Pause
) -> Callable[[Any, str, dict[str, Any]], dict[str, Any]]:
    """Return what takes the place of BaseClient._make_api_call, for clients that never retry.

    botocore still validates, serializes and parses, and calls the client's event handlers.

    handles: the emulators by URL. Other calls go through a socket, and so do clients that retry.
    pause: lets seconds pass. A response that never comes costs its read timeout.
    """

    def call(client: Any, name: str, parameters: dict[str, Any]) -> dict[str, Any]:
        handle = handles.get(client.meta.endpoint_url)
        if handle is None or client.meta.config.retries.get("total_max_attempts") != 1:
            return make_api_call_through_a_socket(client, name, parameters)
        model = client.meta.service_model.operation_model(name)
        event = f"{model.service_model.service_id.hyphenize()}.{name}"
        about = {"model": model, "context": {"client_region": client.meta.region_name}}
        parameters = client._emit_api_params(parameters, model, about["context"])
        request = client._serializer.serialize_to_request(parameters, model)
        events = client.meta.events
        _, reply = events.emit_until_response(f"before-call.{event}", params=request, **about)
        http, output = reply or _send(client, model, request, handle, pause)
        events.emit(f"after-call.{event}", http_response=http, parsed=output, **about)
        if http.status_code >= 300:
            code = output.get("Error", {}).get("Code")
            raise client.exceptions.from_code(code)(output, name)
        return output

    return call


def _send(
    client: Any, model: OperationModel, request: dict[str, Any], handle: Handle, pause: Pause
) -> tuple[AWSResponse, dict[str, Any]]:
    """Send a serialized call to an emulator; return the HTTP response and its parsed body.

    The signature has the Region, which is all that the emulators read.
    """
    url = client.meta.endpoint_url
    prepare_request_dict(request, url)
    _, _, path, query, _ = urlsplit(request["url"])
    scope = f"testing/20270115/{client.meta.region_name}/{model.service_model.signing_name}"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}/aws4_request"}
    body = request["body"]
    body = urlencode(body).encode() if isinstance(body, dict) else body
    target = f"{path}?{query}" if query else path
    try:
        response = handle(HttpRequest(request["method"], target, headers, body))
    except DropConnection:
        gone = RemoteDisconnected("Remote end closed connection without response")
        raise ConnectionClosedError(endpoint_url=url, error=gone) from None
    if READ_TIMEOUT in response.headers:
        pause(client.meta.config.read_timeout)
        raise BotocoreReadTimeoutError(endpoint_url=url, error="Read timed out.")
    received = {
        "status_code": response.status,
        "headers": HeadersDict(response.headers),
        "body": response.body,
        "context": {"operation_name": model.name},
    }
    parser = client._response_parser
    output = parser.parse(received, model.output_shape)
    if response.status >= 300:
        client._endpoint._add_modeled_error_fields(received, output, model, parser)
    return AWSResponse(url, response.status, response.headers, None), output


def make_request(handles: Mapping[str, Handle], pause: Pause) -> Callable[..., BaseHTTPResponse]:
    """Return what takes the place of HTTPConnectionPool._make_request, for the responses.

    handles, pause: as of make_api_call().
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
