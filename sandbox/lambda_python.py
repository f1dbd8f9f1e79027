"""Lambda's Python on this machine: what `sam build` and a run of its artifact need."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

VERSION = "3.13"  # the functions' Runtime


@cache
def find() -> Path | None:
    """Return Lambda's Python if this machine has it with pip.

    pyenv's python3.13 runs only where a version is chosen, so its versions are looked at, too.
    """
    for candidate in _candidates():
        command = [candidate, "-c", "import pip, sys; print(sys.executable)"]
        probe = subprocess.run(command, capture_output=True, check=False, text=True)
        if probe.returncode == 0:
            return Path(probe.stdout.strip())
    return None


def _candidates() -> Iterator[str]:
    name = f"python{VERSION}"
    if on_path := shutil.which(name):
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, sorted(pyenv.glob(f"versions/{VERSION}*/bin/{name}"), reverse=True))
