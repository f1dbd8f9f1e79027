"""Make the environment of a group from its lock files, once, even if several `make` run together.

`environment.py` makes the environment for development. `environment.py sam` makes another group's.
A group that runs the functions has an environment for each Python, such as .venv-3.11. The link
.venv points to the one of plain `python3`.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# older: the environment for development, with the older pydantic of another lock.
_OLDER_PYDANTIC = ROOT / "requirements" / "ministack.txt"
_FOR_EACH_PYTHON = ("dev", "older", "ministack")
_RARELY_IMPORTED = ("cdk", "sam")  # they are large, and the tests import half of their modules
_NEVER_IMPORTED = "/tests?/"  # a quarter of all modules
_INSTALLER = "pip"  # its pip installs the others: the pip of an old Python takes twice as long


def path(group: str, version: tuple[int, int] = sys.version_info[:2]) -> Path:
    """Return the folder of a group's environment; version: of the Python that it is for."""
    name = ".venv" if group == "dev" else f".venv-{group}"
    if group in _FOR_EACH_PYTHON:
        name += f"-{version[0]}.{version[1]}"
    return ROOT / name


def make(group: str = "dev") -> Path:
    """Make the group's environment unless it is current; return its folder."""
    if sys.version_info < (3, 11):
        found = ".".join(map(str, sys.version_info[:2]))
        sys.exit(f"Python 3.11 or later is needed, not {found}: try `make PYTHON=python3.13`")
    environment = path(group)
    if group == "older":
        lines = _only_pydantic(_OLDER_PYDANTIC.read_text())
        more = f"import site; site.addsitedir({str(_packages(make()))!r})\n"
    else:
        lines = (ROOT / "requirements" / f"{group}.txt").read_text()
        more = f"{ROOT}\n{ROOT / 'functions'}\n" if group == "dev" else ""
    python = sys.version if group in _FOR_EACH_PYTHON else ""
    recipe = lines + Path(__file__).read_text() + python
    wanted = hashlib.sha256(recipe.encode()).hexdigest()
    stamp = environment / "stamp"
    with environment.with_name(f"{environment.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        works = (environment / "bin/python").exists()  # its Python may have been uninstalled
        if not works or not stamp.exists() or stamp.read_text() != wanted:
            _build(environment, lines, None if group == _INSTALLER else make(_INSTALLER))
            if group not in _RARELY_IMPORTED:
                _compile(environment)
            (_packages(environment) / "more.pth").write_text(more)  # after what is installed
            stamp.write_text(wanted)
        if group == "dev":
            _link(environment)
    return environment


def _only_pydantic(lock: str) -> str:
    """Return the entries of pydantic and pydantic-core in a lock file."""
    return "\n".join(re.findall(r"^pydantic.*\n(?: .*\n?)*", lock, re.MULTILINE))


def _packages(environment: Path) -> Path:
    """Return the folder of an environment's packages."""
    (packages,) = environment.glob("lib/python*/site-packages")
    return packages


def _build(environment: Path, lock: str, installer: Path | None) -> None:
    """Install a lock into a new environment; installer: the environment whose pip does it."""
    if find_spec("ensurepip") is None:  # Debian and Ubuntu package it separately
        sys.exit("Python's venv is needed; on Debian or Ubuntu: apt install python3-venv")
    shutil.rmtree(environment, ignore_errors=True)
    print(f"Installing {environment.name} (once; up to half a minute) ...", flush=True)  # noqa: T201
    venv.create(environment, with_pip=installer is None)
    file = environment / "lock.txt"
    file.write_text(lock)
    pip = [str((installer or environment) / "bin/python"), "-m", "pip"]
    pip += ["--disable-pip-version-check", "--python", str(environment / "bin/python")]
    # A lock file is complete, so no dependency is missing.
    pip += ["install", "-qq", "--no-deps", "--require-hashes", "--no-compile", "-r", str(file)]
    if subprocess.run(pip, check=False).returncode:
        sys.exit(f"pip cannot install {environment.name}; its message is above")


def _compile(environment: Path) -> None:
    """Compile the modules once; otherwise, each process that runs at the start does it."""
    command = [str(environment / "bin/python"), "-m", "compileall", "-qq", "-x", _NEVER_IMPORTED]
    # Its status tells of modules for another Python, which nothing imports.
    subprocess.run([*command, str(_packages(environment))], check=False)


def _link(environment: Path) -> None:
    """Point .venv at the environment of plain `python3`, or at the only one."""
    link = ROOT / ".venv"
    plain = Path(sys.executable).name == "python3"
    if not link.exists() or (link.is_symlink() and plain):
        new = ROOT / f"{environment.name}.link"
        new.unlink(missing_ok=True)
        new.symlink_to(environment.name)
        os.replace(new, link)


if __name__ == "__main__":
    make(*sys.argv[1:])
