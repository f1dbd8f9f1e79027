"""Run the AWS SAM CLI from its own environment."""

import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox import lambda_python, scene
from sandbox.aws import SandboxError
from sandbox.stacks import ROOT
from tools import environment

_SAM = environment.path("sam") / "bin/sam"
_ACCOUNT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": scene.REGION,
    "AWS_DEFAULT_REGION": scene.REGION,
    "AWS_MAX_ATTEMPTS": "1",  # sam asks STS for their owner, and goes on without a response
}


def architecture() -> str:
    """Return this machine's processor, as Lambda calls it."""
    return "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


def run(
    command: Sequence[str], account: Mapping[str, str] = _ACCOUNT, **options: Any
) -> "subprocess.CompletedProcess[str]":
    """Run a sam command in the repository, with credentials of no real account."""
    return subprocess.run(**_process(command, account), check=False, **options)


def start(command: Sequence[str], **options: Any) -> "subprocess.Popen[str]":
    """Start a sam command that runs until the caller ends it; see run."""
    return subprocess.Popen(**_process(command, _ACCOUNT), **options)


def _process(command: Sequence[str], account: Mapping[str, str]) -> dict[str, Any]:
    """Return the arguments of subprocess for a sam command."""
    if not _SAM.exists():
        raise SandboxError("sam is needed: install it with `python3 tools/environment.py sam`")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    variables = {**inherited, **account, "SAM_CLI_TELEMETRY": "0"}
    if python := lambda_python.find():
        variables["PATH"] = f"{python.parent}{os.pathsep}{variables['PATH']}"
    return {"args": [str(_SAM), *command[1:]], "cwd": ROOT, "env": variables, "text": True}


def build(folder: Path) -> None:
    """Build the functions for this machine's processor; raise SandboxError if sam cannot."""
    command = ["sam", "build", "--cached", "--build-dir", str(folder)]
    command += ["--parameter-overrides", f"Architecture={architecture()}"]
    if lambda_python.find() is None:
        command.append("--use-container")
    done = run(command, capture_output=True)
    if done.returncode:
        raise SandboxError(f"{' '.join(command)}:\n{done.stderr}")
