"""The provider's artifact for the account that is asked."""

import sys
from pathlib import Path
from shutil import make_archive
from tempfile import TemporaryDirectory

from sandbox import lambda_python, stacks
from tools import build as lambda_build
from tools import environment
from tools.check_aws.account import Account

_ARCHITECTURE = "arm64"
PARAMETERS = {"Dashboard": "false", "Architecture": _ARCHITECTURE}


def build(account: Account) -> bytes:
    """Return a zip of the functions that the account can run."""
    if account.is_sandbox:
        return stacks.artifact(environment.make("ministack") / "bin/python")
    with TemporaryDirectory() as folder:
        functions = Path(folder, "functions")
        lambda_build.build(
            functions, str(lambda_python.find()), lambda_build.for_lambda(_ARCHITECTURE)
        )
        return Path(make_archive(f"{folder}/functions", "zip", functions)).read_bytes()


def require_python(account: Account) -> None:
    """Exit unless this machine can build for Lambda. Otherwise a run would fail halfway."""
    if not account.is_sandbox and lambda_python.find() is None:
        sys.exit(f"python{lambda_python.VERSION} with pip is needed to build the functions")
