"""`make` and `python -m sandbox`, where something is missing: they say what, and what to do."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.harness import ROOT
from tools import environment

EVENT = "events/quick_connect_create.json"


def said(*arguments: str, path: str = "") -> str:
    """Return what a command of the sandbox says as it fails, with no program on the path."""
    command = [sys.executable, "-m", "sandbox", *arguments]
    run = subprocess.run(
        command, cwd=ROOT, env={"PATH": path}, capture_output=True, text=True, check=False
    )
    assert run.returncode
    assert "Traceback" not in run.stderr
    return " ".join((run.stdout + run.stderr).split())


def test_invoke_without_docker_says_where_it_comes_from() -> None:
    """The program is not there."""
    assert "Docker is needed: install it (https://" in said("invoke", EVENT)


def test_invoke_with_a_docker_that_does_not_run_says_so(tmp_path: Path) -> None:
    """The program is there, and nothing answers it."""
    (tmp_path / "docker").write_text("#!/bin/sh\necho no daemon >&2\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    found = said("invoke", EVENT, path=f"{tmp_path}:/bin")
    assert "Docker is needed, and does not run: start it (no daemon)" in found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "No such file", id="no file"),
        pytest.param("{", "it is not JSON", id="not JSON"),
        pytest.param("[]", "a request without", id="a list"),
        pytest.param("{}", "a request without", id="an empty object"),
    ],
)
def test_invoke_with_what_is_no_request(tmp_path: Path, content: str | None, message: str) -> None:
    """The file is named, and what is wrong with it."""
    event = tmp_path / "event.json"
    if content is not None:
        event.write_text(content)
    assert message in said("invoke", str(event))


def test_a_python_without_venv_says_which_package_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's Python comes without ensurepip."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/dev.txt").write_text("")
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(SystemExit, match="apt install python3-venv"):
        environment.main()


def test_requirements_that_cannot_be_installed_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A broken environment is not taken for a whole one the next time."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/dev.txt").write_text("no-hash==1\n")
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match=r"dev\.txt could not be installed"):
        environment.main()
    assert "no-hash==1" in capfd.readouterr().err
    assert not (tmp_path / ".venv/stamp").exists()


def test_a_stopped_sandbox_ends_without_an_error() -> None:
    """`make` passes SIGTERM on, so it comes twice: the cleanup ignores the second one."""
    command = [sys.executable, "-m", "sandbox", "up"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as sandbox:  # type: ignore[call-overload]
        assert any("Press Ctrl-C" in line for line in sandbox.stdout)
        for _ in range(2):
            sandbox.send_signal(signal.SIGTERM)
        rest = sandbox.stdout.read()
    assert rest.endswith("\nStopped. The sandbox is removed.\n")
    assert "Traceback" not in rest
    assert sandbox.returncode == 0
