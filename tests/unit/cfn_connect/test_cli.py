"""The command line: exit codes, errors in one line, and no price for users of the lint rules."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from cfn_connect import cli
from cfn_connect.clients import Clients, CommandError, advice
from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator
from tests.support import commands
from tests.support.harness import ROOT
from tests.support.templates import DOCUMENTS


def documented() -> Iterator[str]:
    """Yield each command line of cfn-connect in the documents and in the examples."""
    for path in [*DOCUMENTS, *(ROOT / "examples").rglob("*.yml")]:
        text = path.read_text().replace("\\\n", " ")
        yield from re.findall(r"^\s*(?:- run: )?cfn-connect (?!--help)([^|>\n]+)", text, re.M)


@pytest.mark.parametrize("line", sorted({*documented()}))
def test_a_documented_command_line_has_options_that_exist(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader can paste it."""
    monkeypatch.chdir(tmp_path)
    name, *arguments = shlex.split(line)
    for each in arguments:
        if each.endswith((".yaml", ".csv", "$TEMPLATE")):
            Path(each).touch()
    command = cli.commands.commands[name]
    assert command.make_context(name, arguments).params


def test_help_ends_with_success(capsys: pytest.CaptureFixture[str]) -> None:
    """It describes the command and its options."""
    assert cli.main(["--help"]) == 0
    assert "--region" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--rejion", "us-east-1"], ["no-such-command"], []])
def test_a_wrong_command_line_is_an_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its exit code is not one of a finding, and the text goes to stderr."""
    assert cli.main(arguments) == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "cfn-connect" in shown.err


def test_each_command_line_runs_its_command(
    connect: ConnectEmulator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The options reach the command. An exported address book gives a template again."""
    scene.add_quick_connects(connect)
    book, template = str(tmp_path / "book.csv"), tmp_path / "connect.yaml"
    instance = ["--instance-id", scene.INSTANCE_ID]
    exported = ["export", *instance, "--csv", "--types", "quick-connects", "--output", book]
    assert commands.main(exported) == 0
    assert commands.main(["from-csv", book, *instance, "--output", str(template)]) == 0
    assert template.read_text().count("Type: Custom::ConnectQuickConnect") == 3
    capsys.readouterr()
    assert commands.main(["orphans", *instance]) == 0
    assert capsys.readouterr().out == "No stack left a resource behind.\n"


def denied(code: str) -> ClientError:
    """Return an error of ListQueues."""
    return ClientError({"Error": {"Code": code, "Message": "No"}}, "ListQueues")


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (exceptions.NoCredentialsError(), "aws sso login"),
        (exceptions.NoRegionError(), "pass --region"),
        (exceptions.ProfileNotFound(profile="x"), "--profile"),
        (exceptions.EndpointConnectionError(endpoint_url="https://x"), "check --region"),
        (denied("AccessDeniedException"), "allow ListQueues for your identity"),
        (denied("ExpiredTokenException"), "aws sso login"),
        (denied("ChangeSetNotFound"), "check --change-set-name"),
        (denied("ResourceNotFoundException"), "check --instance-id and --region"),
        (denied("NewException"), "ListQueues: NewException: No"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_an_error_of_aws_says_what_to_do(error: BotoCoreError | ClientError, fix: str) -> None:
    """It names the problem, then the fix, in one line."""
    text = advice(error)
    assert fix in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (CommandError("nothing to do: do something"), "Error: nothing to do: do something"),
        (exceptions.NoRegionError(), "Error: You must specify a region: pass --region"),
        (FileNotFoundError(2, "No such file or directory", "x.csv"), "Error: x.csv: No such file"),
        (OSError(28, "No space left on device"), "Error: No space left on device\n"),
        (ResponseParserError("no XML:\n<"), "Error: no XML: <: the response is not one of AWS"),
        (KeyError("a\nb"), "Error: KeyError: 'a\\nb' (test_cli.py:"),
    ],
    ids=["of the command", "of botocore", "of a file", "of stdout", "of a proxy", "unforeseen"],
)
def test_an_error_ends_with_its_text_and_no_stack_trace(
    error: Exception, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 3."""

    def fail(*arguments: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(cli.commands, "main", fail)
    assert cli.main([]) == 3
    shown = capsys.readouterr().err
    assert shown.startswith(text)
    assert shown.count("\n") == 1


def test_a_client_is_built_once_for_each_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command's Region is the default."""
    clients = Clients("eu-west-2")
    assert clients.client("connect") is clients.client("connect", "eu-west-2")
    assert clients.client("connect").meta.region_name == "eu-west-2"
    assert clients.client("connect", "us-east-1").meta.region_name == "us-east-1"
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/none")
    with pytest.raises(exceptions.NoRegionError):
        Clients().region  # noqa: B018


def test_the_lint_rules_import_no_library_of_the_command() -> None:
    """cfn-lint runs as fast as before."""
    code = "import sys, cfn_connect.rules; assert not {'click', 'rich'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_wheel_gives_the_command(wheel: Path, tmp_path: Path) -> None:
    """`pip install` of the wheel puts cfn-connect on the path."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    command += ["--no-deps", "--no-index", "--target", str(tmp_path / "installed"), str(wheel)]
    subprocess.run(command, check=True)
    script = tmp_path / "installed/bin/cfn-connect"
    done = subprocess.run([script, "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: cfn-connect")
