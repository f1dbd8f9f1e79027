"""The functions under `sam local`, with an emulated Connect and CloudFormation.

sam runs the output of `sam build` in Docker, in Lambda's own image.
"""

import json
import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import trustme
import yaml

from sandbox import lambda_python, sam, scene
from sandbox.aws import SandboxError
from sandbox.cloudformation import Sink, Stacks
from sandbox.connect_emulator import ConnectEmulator
from sandbox.http_server import HttpServer, Place
from sandbox.stacks import ROOT

FOLDER = ROOT / ".aws-sam/local"  # a build for this machine's processor, never to be deployed
IMAGE = f"public.ecr.aws/lambda/python:{lambda_python.VERSION}"
HOST = "host.docker.internal"  # this machine's name in a container
_DOCKER_URL = "https://docs.docker.com/get-docker/"


class SamLocal:
    """The servers that functions in containers call. Enter it as a context: leaving stops it.

    folder: the output of `sam build`. Functions that run at the same time need one each.
    connect, sink: the emulated Connect, and the server that takes the responses.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        self.connect = ConnectEmulator()
        self._place = Place(_address(), HOST)

    def __enter__(self) -> "SamLocal":
        authority = trustme.CA()
        self.sink = Sink(authority, self._place)
        self._stacks = Stacks(self._place)
        self._connect_server = HttpServer(self.connect.handle, place=self._place)
        self._write(authority)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for server in (self.sink, self._stacks, self._connect_server):
            server.close()

    def _write(self, authority: trustme.CA) -> None:
        """Write sam's template and environment.

        sam passes only variables that the template declares, and template.yaml declares none for
        tests. /var/task is the only folder that a container shares with this machine.
        """
        variables = {
            "AWS_ENDPOINT_URL_CONNECT": self._connect_server.url,
            "AWS_ENDPOINT_URL_CLOUDFORMATION": self._stacks.url,
            "RESPONSE_HOST": self.sink.host,
            "SSL_CERT_FILE": "/var/task/ca.pem",
        }
        self._template = yaml.safe_load((self.folder / "template.yaml").read_text())
        declared = self._template["Globals"]["Function"]["Environment"]["Variables"]
        declared.update(dict.fromkeys(variables, ""))
        self._template["Parameters"]["Architecture"]["Default"] = sam.architecture()
        (self.folder / "invoke.yaml").write_text(yaml.safe_dump(self._template))
        (self.folder / "env.json").write_text(json.dumps({"Parameters": variables}, indent=2))
        for folder in self.folder.iterdir():
            if folder.is_dir():
                authority.cert_pem.write_to_path(str(folder / "ca.pem"))

    @property
    def options(self) -> list[str]:
        """Return the options of `sam local` that let the functions call the servers."""
        options = ["--template", str((self.folder / "invoke.yaml").relative_to(ROOT))]
        options += ["--env-vars", str((self.folder / "env.json").relative_to(ROOT))]
        options += ["--region", scene.REGION, "--add-host", f"{HOST}:host-gateway"]
        if docker("image", "inspect", f"{IMAGE}-{sam.architecture()}").returncode == 0:
            options.append("--skip-pull-image")  # sam asks the registry each time otherwise
        return options

    def stage(self, path: Path) -> dict[str, Any]:
        """Set the state that a request of events/ needs; return the request, signed just now."""
        event: dict[str, Any] = json.loads(path.read_text())
        event["ResponseURL"] = self.sink.url()
        self.connect.reset()
        scene.seed(self.connect)
        scene.stage(self.connect, event)
        self.sink.reset()
        rollback = path.stem.endswith("_rollback")
        self._stacks.status = "UPDATE_ROLLBACK_IN_PROGRESS" if rollback else "UPDATE_IN_PROGRESS"
        self._stacks.sent(event)
        return event

    def command(self, event: Mapping[str, Any]) -> list[str]:
        """Return the command that runs a request in its function."""
        path = self.folder / "event.json"
        path.write_text(json.dumps(event, indent=2))
        function = self.function(event["ResourceType"])
        event_option = ("--event", str(path.relative_to(ROOT)))
        return [".venv-sam/bin/sam", "local", "invoke", function, *self.options, *event_option]

    def function(self, resource_type: str) -> str:
        """Return the logical id of the function that serves a type, from the template."""
        output = f"{resource_type.removeprefix('Custom::Connect')}ServiceToken"
        outputs = self._template["Outputs"]
        if output not in outputs:
            raise SandboxError(f"no function serves {resource_type}")
        name: str = outputs[output]["Value"]["Fn::GetAtt"][0]
        return name


def _address() -> str:
    """Return the address of this machine that a container reaches.

    Docker Engine's bridge is an interface of this machine. Docker Desktop has the bridge in a
    virtual machine, and forwards connections to the loopback interface.
    """
    template = "{{(index .IPAM.Config 0).Gateway}}"
    asked = docker("network", "inspect", "bridge", "--format", template)
    if asked.returncode:
        raise SandboxError(f"Docker is needed, and does not run: start it ({asked.stderr.strip()})")
    address = asked.stdout.strip()
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return "127.0.0.1"
    return address


def docker(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a Docker command; raise SandboxError if Docker is not installed."""
    command = shutil.which("docker")
    if command is None:
        raise SandboxError(f"Docker is needed: install it ({_DOCKER_URL})")
    return subprocess.run([command, *arguments], capture_output=True, check=False, text=True)
