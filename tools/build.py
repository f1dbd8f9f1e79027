"""Build a small artifact for `sam deploy` in .aws-sam/build, with one folder for both functions.

`sam build` works, too. This artifact holds compiled modules, because Lambda's file system is
read-only. It holds only the data of botocore that the functions read, and of s3transfer only the
class that boto3 imports. All of this shortens cold starts.
"""

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sandbox import lambda_python
from tools import botocore_data, environment

ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS = ROOT / "functions"
OUTPUT = ROOT / ".aws-sam/build"
_WHEELS = {"arm64": "manylinux2014_aarch64", "x86_64": "manylinux2014_x86_64"}
_UNUSED = ("*.dist-info", "bin", "boto3/examples", "boto3/data")
_EPOCH = 315_532_800  # 1980, the first year in a zip file; equal builds give equal zips


def for_lambda(architecture: str) -> list[str]:
    """Return pip's options to install for Lambda's runtime from any machine."""
    return ["--python-version", lambda_python.VERSION, "--platform", _WHEELS[architecture]]


def for_this_machine() -> tuple[str, list[str]]:
    """Return a Python for this machine, of Lambda's version if there is one, and pip's options."""
    python = lambda_python.find()
    if python is None or sys.platform != "linux":
        return sys.executable, []
    wheels = f"manylinux2014_{platform.machine()}"
    return str(python), ["--python-version", lambda_python.VERSION, "--platform", wheels]


def build(folder: Path, python: str, target: Sequence[str] = ()) -> None:
    """Build the artifact in a folder, compiled by `python`.

    target: pip's options for another machine or Python; see for_lambda.
    """
    shutil.rmtree(folder, ignore_errors=True)
    install(FUNCTIONS / "requirements.txt", folder, target)
    shutil.copytree(
        FUNCTIONS,
        folder,
        ignore=shutil.ignore_patterns("__pycache__", "requirements.*"),
        dirs_exist_ok=True,
    )
    for pattern in _UNUSED:
        for path in folder.glob(pattern):
            shutil.rmtree(path)
    sources = "".join(path.read_text() for path in sorted(FUNCTIONS.rglob("*.py")))
    botocore_data.prune(folder / "botocore/data", sources)
    prune_s3transfer(folder / "s3transfer")
    compile_modules(folder, python)
    for path in folder.rglob("*"):
        os.utime(path, (_EPOCH, _EPOCH))


def install(
    requirements: Path, folder: Path, target: Sequence[str] = (), python: str = sys.executable
) -> None:
    """Install pinned wheels into a folder, for `python` if the target names no other."""
    installer = environment.make("pip") / "bin/python"
    pip = [str(installer), "-m", "pip", "--disable-pip-version-check", "--python", python]
    pip += ["install", "-qq", "--require-hashes", "--no-deps", "--only-binary=:all:"]
    pip += ["--no-compile", "--root-user-action=ignore", *target, "--target", str(folder)]
    subprocess.run([*pip, "-r", str(requirements)], check=True)


def prune_s3transfer(package: Path) -> None:
    """Keep only a class that boto3 imports and that only S3 uses. The rest imports much more."""
    shutil.rmtree(package)
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "manager.py").write_text("class TransferConfig:\n    pass\n")


def compile_modules(folder: Path, python: str) -> None:
    """Compile every module. Python uses the compiled files without a look at the sources."""
    command = [python, "-m", "compileall", "-q", "-s", str(folder), "-p", "/var/task"]
    command += ["--invalidation-mode", "unchecked-hash", str(folder)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "0"})


def write_template(folder: Path, architecture: str) -> None:
    """Write template.yaml, and the files that it names, beside the artifact for `sam deploy`."""
    template = (ROOT / "template.yaml").read_text()
    for pattern, replacement in (
        (r"CodeUri: functions/", "CodeUri: functions"),
        (rf"Runtime: python{re.escape(lambda_python.VERSION)}\n", r"\g<0>"),  # compiled for it
        (r"(Architecture:\n +Type: String\n +Default:) \w+", rf"\g<1> {architecture}"),
    ):
        template, times = re.subn(pattern, replacement, template)
        if times != 1:
            sys.exit(f"template.yaml must match {pattern!r} exactly once")
    (folder / "template.yaml").write_text(template)
    for name in ("LICENSE", "README.md"):
        shutil.copy(ROOT / name, folder)


def main() -> None:
    """Build for Lambda."""
    parser = argparse.ArgumentParser(prog="make build", description=__doc__)
    parser.add_argument("architecture", nargs="?", default="arm64", choices=_WHEELS)
    architecture = parser.parse_args().architecture
    python = lambda_python.find()
    if python is None:
        version = lambda_python.VERSION
        sys.exit(
            f"python{version} with pip is missing, and only it can compile for Lambda's runtime. "
            f"Install it (pyenv install {version}, uv python install {version}, apt, python.org), "
            "or run sam build --use-container."
        )
    build(OUTPUT / "functions", str(python), for_lambda(architecture))
    write_template(OUTPUT, architecture)
    deploy = "make deploy" + ("" if architecture == "arm64" else f" ARCHITECTURE={architecture}")
    print(f"Built for {architecture} in {OUTPUT.relative_to(ROOT)}. Next: {deploy}")  # noqa: T201


if __name__ == "__main__":
    main()
