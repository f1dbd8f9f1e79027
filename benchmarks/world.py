"""The services that a handler calls: an emulated Connect and an HTTPS server for responses."""

import json
import ssl
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import botocore
import trustme

from sandbox import scene
from sandbox.cloudformation import Stacks
from sandbox.connect_emulator import ConnectEmulator
from sandbox.http_server import HttpRequest, HttpResponse, HttpServer

ROOT = Path(__file__).resolve().parent.parent
_EVENTS = ROOT / "events"

NO_TIME = timedelta(0)


class World:
    """Connect and CloudFormation, as a handler sees them.

    connect, stacks: the emulated Connect and CloudFormation.
    responses: RequestId -> the response to it.
    environment: variables that lead a handler to them.
    """

    def __init__(self, folder: Path) -> None:
        self.connect = ConnectEmulator()
        self.reset()
        authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(tls)
        trusted = folder / "trusted.pem"
        # A real machine trusts as many authorities. Reading them makes a TLS context expensive.
        trusted.write_bytes((Path(botocore.__file__).parent / "cacert.pem").read_bytes())
        authority.cert_pem.write_to_path(str(trusted), append=True)
        self._servers = HttpServer(self.connect.handle), HttpServer(self._take_response, tls)
        connect, sink = self._servers
        self.stacks = Stacks()
        self._sink_url = sink.url
        self.environment = {
            "AWS_REGION": scene.REGION,
            "AWS_DEFAULT_REGION": scene.REGION,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_ENDPOINT_URL_CONNECT": connect.url,
            "AWS_ENDPOINT_URL_CLOUDFORMATION": self.stacks.url,
            "MAXIMUM_RETRY_ATTEMPTS": "2",
            "RESPONSE_HOST": f"127.0.0.1:{sink.port}",
            "SSL_CERT_FILE": str(trusted),
            "REQUESTS_CA_BUNDLE": str(trusted),
            "NODE_EXTRA_CA_CERTS": str(trusted),
        }

    def reset(self) -> None:
        """Forget every resource, call and response."""
        self.connect.reset()
        scene.seed(self.connect)
        self.connect.quick_connect_quota = 10_000
        self.responses: dict[str, dict[str, Any]] = {}

    def event(
        self,
        name: str,
        properties: Mapping[str, Any],
        ahead: timedelta = NO_TIME,
        **changes: Any,
    ) -> dict[str, Any]:
        """Return a request from events/ with a new RequestId and some changes.

        ahead: how far the time of the request lies in the future.
        """
        event: dict[str, Any] = json.loads((_EVENTS / f"{name}.json").read_text())
        event["ResourceProperties"] |= properties
        signed = f"{datetime.now(UTC) + ahead:%Y%m%dT%H%M%SZ}"
        url = f"{self._sink_url}/response?X-Amz-Date={signed}&X-Amz-Signature=secret"
        return {**event, "RequestId": str(uuid.uuid4()), "ResponseURL": url, **changes}

    def _take_response(self, request: HttpRequest) -> HttpResponse:
        response = json.loads(request.body)
        self.responses[response["RequestId"]] = response
        return HttpResponse(200)

    def close(self) -> None:
        """Stop the servers."""
        for server in (*self._servers, self.stacks):
            server.close()


@contextmanager
def open_world() -> Iterator[World]:
    """Open a world, and close it at the end."""
    with TemporaryDirectory(prefix="benchmark-") as folder:
        world = World(Path(folder))
        try:
            yield world
        finally:
            world.close()
