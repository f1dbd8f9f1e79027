"""If something is missing, `make` and `python -m sandbox` name it and say what to do."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.harness import ROOT
from tools import environment

EVENT = "events/quick_connect_create.json"


def said(*arguments: str, path: str = "") -> str:
    """Run a command of the sandbox that fails, with an empty path; return its output."""
    command = [sys.executable, "-m", "sandbox", *arguments]
    run = subprocess.run(
        command, cwd=ROOT, env={"PATH": path}, capture_output=True, text=True, check=False
    )
    assert run.returncode
    assert "Traceback" not in run.stderr
    return " ".join((run.stdout + run.stderr).split())


def test_invoke_without_docker_links_to_its_installation() -> None:
    """No program named docker is on the path."""
    assert "Docker is needed: install it (https://" in said("invoke", EVENT)


def test_invoke_with_a_docker_that_does_not_run_says_so(tmp_path: Path) -> None:
    """The program exists, and its daemon does not run."""
    (tmp_path / "docker").write_text("#!/bin/sh\necho no daemon >&2\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    found = said("invoke", EVENT, path=f"{tmp_path}:/bin")
    assert "Docker is needed, and does not run: start it (no daemon)" in found


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "No such file", id="no file"),
        pytest.param("{", "it is not JSON", id="not JSON"),
        pytest.param("[]", "the request lacks", id="a list"),
        pytest.param("{}", "the request lacks", id="an empty object"),
    ],
)
def test_invoke_with_a_wrong_file(tmp_path: Path, content: str | None, message: str) -> None:
    """The message names the file and its mistake."""
    event = tmp_path / "event.json"
    if content is not None:
        event.write_text(content)
    assert message in said("invoke", str(event))


def test_a_python_without_venv_names_the_missing_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's Python comes without ensurepip."""
    (tmp_path / "requirements").mkdir()
    for group in ("dev", "pip"):
        (tmp_path / f"requirements/{group}.txt").write_text("")
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(SystemExit, match="apt install python3-venv"):
        environment.make()


def test_requirements_that_cannot_be_installed_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The next run does not reuse the broken environment."""
    made = environment.make("pip")
    (tmp_path / made.name).symlink_to(made)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/pip.txt").write_bytes((ROOT / "requirements/pip.txt").read_bytes())
    (tmp_path / "requirements/dev.txt").write_text("no-hash==1\n")
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match=r"pip cannot install \.venv-"):
        environment.make()
    assert "no-hash==1" in capfd.readouterr().err
    assert not (environment.path("dev") / "stamp").exists()


def test_each_python_has_an_environment_of_its_own() -> None:
    """`make` and `make PYTHON=python3.13` do not rebuild each other's environment."""
    for group in ("dev", "older", "ministack"):
        assert environment.path(group, (3, 11)) != environment.path(group, (3, 13))
    for group in ("sam", "pip"):
        assert environment.path(group, (3, 11)) == environment.path(group, (3, 13))


@pytest.mark.parametrize(
    ("started_as", "leads_to"), [("python3", ".venv-new"), ("python3.13", ".venv-old")]
)
def test_the_link_leads_to_the_environment_of_plain_python3(
    started_as: str, leads_to: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Documents and pre-commit hooks use .venv/bin."""
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    for name in (".venv-old", ".venv-new"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(sys, "executable", f"/usr/bin/{started_as}")
        environment._link(tmp_path / name)
    assert (tmp_path / ".venv").readlink() == Path(leads_to)


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
