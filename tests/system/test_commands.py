"""`make` and `python -m sandbox`, where something is missing: they say what, and what to do."""

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
        environment.make()


def test_requirements_that_cannot_be_installed_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A broken environment is not taken for a whole one the next time."""
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/dev.txt").write_text("no-hash==1\n")
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match=r"pip cannot install dev\.txt"):
        environment.make()
    assert "no-hash==1" in capfd.readouterr().err
    assert not (environment.path("dev") / "stamp").exists()


def test_each_python_has_an_environment_of_its_own() -> None:
    """`make` and `make PYTHON=python3.13` do not rebuild each other's environment."""
    for group in ("dev", "older", "ministack"):
        assert environment.path(group, (3, 11)) != environment.path(group, (3, 13))
    assert environment.path("sam", (3, 11)) == environment.path("sam", (3, 13))


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
