"""A client of the real yaml-language-server, from npm."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.harness import ROOT

_PINS = ROOT / "tests/support/node"
_FOLDER = ROOT / ".build/yaml-language-server"
_PATIENCE = 120  # seconds; npm itself waits for minutes for a registry that does not respond


def command() -> list[str]:
    """Return the server's command. Install it once; skip the test if npm cannot."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("NOT TESTED: docs/schemas in an editor needs npm, which is not on the PATH")
    main = _FOLDER / "node_modules/yaml-language-server/out/server/src/server.js"
    if not main.exists():
        shutil.copytree(_PINS, _FOLDER, dirs_exist_ok=True)
        install = [npm, "ci", "--ignore-scripts", "--no-fund", "--no-audit"]
        try:
            subprocess.run(install, cwd=_FOLDER, check=True, capture_output=True, timeout=_PATIENCE)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            pytest.skip("NOT TESTED: npm cannot install the yaml-language-server for docs/schemas")
    return [node, str(main), "--stdio"]


class LanguageServer:
    """A running server, until the end of a with block. settings: those of an editor."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._count = 0

    def __enter__(self) -> "LanguageServer":
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command(), stdin=pipe, stdout=pipe, stderr=pipe)
        configuration = {"workspace": {"configuration": True}}
        self._call(
            "initialize", {"processId": None, "rootUri": None, "capabilities": configuration}
        )
        self._send({"method": "initialized", "params": {}})
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def problems(self, documents: Mapping[str, str]) -> dict[str, list[str]]:
        """Return the line and the message of every problem in each document, by its name."""
        for name, text in documents.items():
            document = {"uri": f"file:///{name}", "languageId": "yaml", "version": 1, "text": text}
            self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        found: dict[str, list[str]] = {}
        while len(found) < len(documents):
            message = self._receive()
            if message.get("method") == "textDocument/publishDiagnostics":
                name = message["params"]["uri"].removeprefix("file:///")
                problems = message["params"]["diagnostics"]
                found[name] = [
                    f"{p['range']['start']['line'] + 1}: {p['message']}" for p in problems
                ]
        return found

    def _call(self, method: str, params: Mapping[str, Any]) -> None:
        self._count += 1
        self._send({"id": self._count, "method": method, "params": params})
        while self._receive().get("id") != self._count:
            pass

    def _send(self, message: Mapping[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        """Return the next message. Answer the server's requests, such as for the settings."""
        assert self._process.stdout is not None
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        if "method" in message and "id" in message:
            wanted = message.get("params", {}).get("items", [])
            result = [self._settings.get(item["section"], {}) for item in wanted]
            self._send({"id": message["id"], "result": result or None})
        return message
