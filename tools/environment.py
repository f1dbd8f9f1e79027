"""Make an environment what its requirements say, once, however many `make` run at the same time.

`environment.py` makes .venv from requirements/dev.txt; `environment.py sam` makes .venv-sam from
requirements/sam.txt, for a tool whose own pins would not fit into .venv. `environment.py dev NAME`
makes another one under a name, for another Python.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(group: str = "dev", name: str = "") -> None:
    """Build the group's environment unless its stamp says that it is current."""
    if sys.version_info < (3, 11):
        found = ".".join(map(str, sys.version_info[:2]))
        sys.exit(
            f"Python 3.11 or later is needed, and this is {found}: try `make PYTHON=python3.13`"
        )
    name = name or (".venv" if group == "dev" else f".venv-{group}")
    environment, requirements = ROOT / name, ROOT / "requirements" / f"{group}.txt"
    recipe = requirements.read_bytes() + Path(__file__).read_bytes() + sys.version.encode()
    wanted = hashlib.sha256(recipe).hexdigest()
    stamp = environment / "stamp"
    with (ROOT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        if find_spec("ensurepip") is None:  # Debian and Ubuntu keep it apart
            sys.exit("Python's venv is needed; on Debian or Ubuntu: apt install python3-venv")
        shutil.rmtree(environment, ignore_errors=True)
        print(f"Installing tools into {name} (once; half a minute) ...", flush=True)  # noqa: T201
        venv.create(environment, with_pip=True)
        # The list is whole; and old pips stumble over the hashes of what is wanted with extras.
        pip = [str(environment / "bin/python"), "-m", "pip", "--disable-pip-version-check"]
        pip += ["install", "-qq", "--no-deps", "--require-hashes", "-r", str(requirements)]
        if subprocess.run(pip, check=False).returncode:
            sys.exit(f"{requirements.name} could not be installed; what pip says of it is above")
        if group == "dev":  # tools find the packages of this repository, wherever they are started
            (packages,) = environment.glob("lib/python*/site-packages")
            (packages / "repository.pth").write_text(f"{ROOT}\n{ROOT / 'functions'}\n")
        stamp.write_text(wanted)


if __name__ == "__main__":
    main(*sys.argv[1:])
