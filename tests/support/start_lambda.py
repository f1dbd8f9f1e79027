"""`sam local start-lambda`: the functions of a build, behind the Invoke API of Lambda."""

import json
import re
import subprocess
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from sandbox import sam, scene
from sandbox.aws import SandboxError
from sandbox.sam_local import SamLocal, docker
from sandbox.signals import undisturbed

PATIENCE = 120  # seconds; only a broken sam takes so long, however busy the machine is
_TRIES = 4  # sam replies with HTTP 500 while a new container does not listen yet
_OPTIONS = ("--warm-containers", "EAGER", "--no-watch", "--port", "0")
_READY = re.compile(r"Running on (http://\S+)")
_CONTAINER = re.compile(r"SAM_CONTAINER_ID: (\w+)")


def remove_containers(log: str) -> None:
    """Remove the containers that a log of sam names."""
    if containers := _CONTAINER.findall(log):
        docker("rm", "--force", *containers)


class StartLambda:
    """A server with a warm container for each function. A container runs one request at a time.

    Enter it as a context: leaving stops the server and removes the containers.

    local: the build, and the servers that its functions call.
    log: the lines of sam and of the functions. They are complete after the context.
    """

    def __init__(self, local: SamLocal) -> None:
        self.local = local
        self.log: list[str] = []
        self._ready = threading.Event()

    def __enter__(self) -> "StartLambda":
        # In a session of its own, so that Ctrl-C does not reach sam while it creates containers.
        self.process = sam.start(
            ["sam", "local", "start-lambda", *self.local.options, *_OPTIONS],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self._client = self._connect()
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
        """Kill sam and remove its containers: this works in any state of sam."""
        with undisturbed():
            self._ready.wait(PATIENCE)  # then sam has named each container in its log
            self.process.kill()
            self.process.wait()
            self._reader.join()
            remove_containers("\n".join(self.log))

    @property
    def containers(self) -> list[str]:
        """Return the ids of the containers that sam has created."""
        return _CONTAINER.findall("\n".join(self.log))

    def invoke(self, event: Mapping[str, Any]) -> str:
        """Run a request in its function; return the function's error, or ""."""
        function = self.local.function(event["ResourceType"])
        for _ in range(_TRIES):
            reply = self._client.invoke(FunctionName=function, Payload=json.dumps(event))
            payload: str = reply["Payload"].read().decode()
            if payload:  # otherwise, the container gave up an init that took ten seconds
                break
        return payload if "FunctionError" in reply else ""

    def _read(self) -> None:
        """Read the log until sam ends."""
        assert self.process.stderr
        with self.process.stderr as lines:
            for line in lines:
                self.log.append(line.rstrip("\n"))
                if _READY.search(line):
                    self._ready.set()
        self._ready.set()

    def _connect(self) -> Any:
        """Return a client of the server as soon as it listens."""
        self._ready.wait(PATIENCE)
        log = "\n".join(self.log)
        found = _READY.search(log)
        if found is None:
            raise SandboxError(f"`sam local start-lambda` did not start:\n{log}")
        patient = Config(
            signature_version=UNSIGNED,
            read_timeout=PATIENCE,
            retries={"total_max_attempts": _TRIES},
        )
        url, region = found.group(1), scene.REGION
        return boto3.client("lambda", endpoint_url=url, region_name=region, config=patient)
