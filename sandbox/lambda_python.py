"""Find Lambda's Python on this machine; `sam build` and its artifact need it."""

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

    pyenv's own python3.13 runs only if the user has selected a version, so its versions count, too.
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
