"""cfn-lint finds the rules in each way that it can load them."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import cfn_connect.rules
from tests.support.harness import ROOT
from tests.support.templates import blocks

TEMPLATE = Path(__file__).parent / "bad" / "percentages_do_not_add_up.yaml"
CFN_LINT = "from cfnlint.runner import main; main()"


def found(rules: str, folder: Path, *flags: str, **environment: str) -> str:
    """Return the output of cfn-lint, started in the folder; rules: the rules to append, if any."""
    arguments = ["--append-rules", rules, "--", str(TEMPLATE)] if rules else [str(TEMPLATE)]
    command = [sys.executable, *flags, "-c", CFN_LINT, *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("folder", [ROOT, Path("/")], ids=["here", "elsewhere"])
@pytest.mark.parametrize(
    "rules", ["cfn_connect.rules", f"{ROOT}/cfn_connect/rules"], ids=["module", "folder"]
)
def test_the_rules_are_found(rules: str, folder: Path) -> None:
    """cfn-lint accepts the module's name and the folder's path."""
    assert "E9604 TelephonyConfig: the percentages should sum to 100, not 90" in found(
        rules, folder
    )


def test_the_module_gives_every_rule() -> None:
    """In another folder, cfn-lint uses the installed package."""
    rules = vars(cfn_connect.rules.rules).values()
    ours = {
        rule.__name__
        for rule in rules
        if isinstance(rule, type) and rule.__module__ == "cfn_connect.rules.rules"
    }
    assert ours == {*cfn_connect.rules.__all__}


STATE = """
import logging, os, signal, sys
def state():
    root = logging.root
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    loggers = (root.level, *root.handlers, root.manager.disable, logging.getLoggerClass())
    return {**os.environ}, [*sys.path], sys.excepthook, handlers, loggers
before = state()
import cfn_connect.rules
assert state() == before
"""


def test_the_import_changes_nothing_in_the_process() -> None:
    """The environment, the search path, the logging and the signal handlers stay the same."""
    subprocess.run([sys.executable, "-c", STATE], cwd=ROOT, check=True)


def test_the_import_does_not_load_the_command_line() -> None:
    """An editor starts cfn-lint at each save. It needs neither the terminal's nor AWS's library."""
    code = """import sys, cfn_connect.rules
loaded = {"boto3", "click", "rich"} & sys.modules.keys()
assert not loaded, loaded"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_a_configuration_names_the_rules(tmp_path: Path) -> None:
    """docs/linting.md says so, for cfn-lint and its editor plug-ins."""
    ((_, configuration),) = [b for b in blocks(ROOT / "docs/linting.md") if "append_rules" in b[1]]
    (tmp_path / ".cfnlintrc").write_text(configuration)
    assert "E9604" in found("", tmp_path)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the content of the wheel, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def paths(installed: Path) -> str:
    """Return a PYTHONPATH for `python -S`, so that no .pth file points to this repository."""
    packages = [folder for folder in sys.path if Path(folder).name == "site-packages"]
    return os.pathsep.join([str(installed), *packages])


def test_the_wheel_is_enough_for_the_rules(installed: Path, tmp_path: Path) -> None:
    """`pip install` of this repository works in any folder."""
    assert "E9604" in found("cfn_connect.rules", tmp_path, "-S", PYTHONPATH=paths(installed))


def test_the_wheel_installs_two_packages(installed: Path) -> None:
    """It installs connect_provider and cfn_connect, and puts nothing else on the author's path."""
    names = {path.name for path in installed.iterdir() if path.suffix != ".dist-info"}
    assert names == {"connect_provider", "cfn_connect"}


def test_importing_the_packages_leaves_the_garbage_collector_as_it_was(installed: Path) -> None:
    """A library must not tune its user's process."""
    code = """import gc, cfnlint.rules
before = gc.get_threshold()
import cfn_connect, cfn_connect.rules, connect_provider
from connect_provider.quick_connect import model
assert gc.get_threshold() == before, gc.get_threshold()"""
    environment = {**os.environ, "PYTHONPATH": paths(installed)}
    subprocess.run([sys.executable, "-S", "-c", code], env=environment, check=True)
