"""Make .venv what requirements-dev.txt says, once, however many `make` run at the same time."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
REQUIREMENTS = ROOT / "requirements-dev.txt"


def main() -> None:
    """Build the environment unless its stamp says that it is current."""
    if sys.version_info < (3, 11):
        found = ".".join(map(str, sys.version_info[:2]))
        sys.exit(
            f"Python 3.11 or later is needed, and this is {found}: try `make PYTHON=python3.13`"
        )
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    stamp = VENV / "stamp"
    with (ROOT / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        shutil.rmtree(VENV, ignore_errors=True)
        print("Installing the tools into .venv (once; half a minute) ...", flush=True)  # noqa: T201
        venv.create(VENV, with_pip=True)
        pip = [str(VENV / "bin/python"), "-m", "pip", "--disable-pip-version-check", "install"]
        subprocess.run([*pip, "-qq", "--require-hashes", "-r", str(REQUIREMENTS)], check=True)
        stamp.write_text(wanted)


if __name__ == "__main__":
    main()
