"""A local AWS: MiniStack for CloudFormation and Lambda, our emulator for Connect."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
import trustme

from sandbox import scene
from sandbox.connect_account import ACCOUNT
from sandbox.connect_emulator import ConnectEmulator
from sandbox.http_server import HttpServer
from sandbox.signals import undisturbed
from tools import environment

_START_TRIES = 3  # another process may take the free port before MiniStack does
_START_SECONDS = 120  # a busy machine may need a minute
_MINISTACK = Path(__file__).parent / "native_types.py"
# The user's settings would send MiniStack's functions to other endpoints and authorities.
_FOREIGN = ("AWS_", "MINISTACK_", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_")


class SandboxError(Exception):
    """The sandbox did not start, or a part of it failed. The text says what to do."""


class Sandbox:
    """A running AWS. Enter it as a context: leaving stops and removes everything.

    connect: the emulated Connect.
    url: the endpoint of every other service, over plain HTTP.
    python: runs MiniStack and the functions. It belongs to an environment of the group ministack.
    """

    poll_seconds = 0.1

    def __init__(self, python: Path | None = None) -> None:
        self.python = python or environment.make("ministack") / "bin/python"
        self.connect = ConnectEmulator()
        scene.seed(self.connect)
        self._session = boto3.session.Session()  # it reads each service's model once

    def __enter__(self) -> "Sandbox":
        self._folder = Path(tempfile.mkdtemp(prefix="connect-sandbox-"))
        self._connect_server = HttpServer(self.connect.handle)
        try:
            self._write_certificates()
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with undisturbed():
            if hasattr(self, "_process"):
                self._stop()
            self._connect_server.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment that points the AWS CLI, sam and boto3 at the sandbox."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL_CONNECT": self._connect_server.url,
            "AWS_REGION": scene.REGION,
            "AWS_DEFAULT_REGION": scene.REGION,
            "AWS_ACCESS_KEY_ID": ACCOUNT,  # MiniStack reads the account from it
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    @property
    def authority(self) -> str:
        """Return the path of the certificate authority of each ResponseURL."""
        return str(self._folder / "ca.pem")

    def client(self, service: str, region: str = scene.REGION) -> Any:
        """Return a boto3 client of a service in the sandbox."""
        return self._session.client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="test",  # noqa: S106  # the sandbox takes any
        )

    def logs(self, group: str) -> list[str]:
        """Return the lines of a log group, oldest first; an unknown group has none."""
        logs = self.client("logs")
        try:
            streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        lines = []
        for stream in streams:
            name = stream["logStreamName"]
            found = logs.get_log_events(logGroupName=group, logStreamName=name, startFromHead=True)
            lines += [(event["timestamp"], event["message"]) for event in found["events"]]
        return [message for _, message in sorted(lines, key=lambda line: line[0])]

    def _write_certificates(self) -> None:
        """Create a temporary authority, because the ResponseURL uses https here, too."""
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.authority)
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        certificate.private_key_pem.write_to_path(str(self._folder / "key.pem"))
        chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
        (self._folder / "cert.pem").write_bytes(chain)

    def _start(self) -> None:
        for _ in range(_START_TRIES):
            https, http = _free_port(), _free_port()
            self.url = f"http://127.0.0.1:{http}"
            self._spawn(https, http)
            if self._healthy():
                return
            self._stop()
        log = (self._folder / "ministack.log").read_text()[-2000:]
        raise SandboxError(f"MiniStack does not start. Its last words:\n{log}")

    def _spawn(self, https: int, http: int) -> None:
        folder = self._folder
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)}
        variables = {
            **inherited,
            "USE_SSL": "1",
            "MINISTACK_SSL_CERT": str(folder / "cert.pem"),
            "MINISTACK_SSL_KEY": str(folder / "key.pem"),
            "SSL_CERT_FILE": self.authority,
            "AWS_CA_BUNDLE": self.authority,
            "REQUESTS_CA_BUNDLE": self.authority,
            "GATEWAY_PORT": str(https),
            "BIND_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",
            "AUTH": "true",
            "TMPDIR": str(folder),
            "AWS_ENDPOINT_URL_CONNECT": self._connect_server.url,
            "RESPONSE_HOST": f"localhost:{https}",
        }
        command = [str(self.python), "-m", "hypercorn", f"{_MINISTACK}:app", "--workers", "0"]
        command += ["--bind", f"127.0.0.1:{https}", "--insecure-bind", f"127.0.0.1:{http}"]
        command += ["--certfile", variables["MINISTACK_SSL_CERT"]]
        command += ["--keyfile", variables["MINISTACK_SSL_KEY"]]
        with (folder / "ministack.log").open("w") as log:
            self._process = subprocess.Popen(
                command, env=variables, cwd=folder, stdout=log, stderr=log, start_new_session=True
            )

    def _healthy(self) -> bool:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/_ministack/health", timeout=1):  # noqa: S310
                    return True
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        return False

    def _stop(self) -> None:
        """Stop MiniStack and the functions' processes, which share its session."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
                self._process.wait(timeout=5)
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
