"""A stand-in for Lambda's base image, for machines that reach no registry.

It holds this machine's python3.13 at /var/lang, Lambda's own runtime client, and the shared
libraries of both. `sam local` needs no more of public.ecr.aws/lambda/python:3.13. It has no
other packages, so a function can import only from its artifact.
"""

import io
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from sandbox.sam_local import IMAGE
from tests.support.harness import ROOT

_BOOTSTRAP = b'#!/bin/sh\nexec /var/lang/bin/python3.13 -m awslambdaric "$_HANDLER"\n'
_FILES = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": b"root:x:0:\n",
    "etc/nsswitch.conf": b"hosts: files dns\n",
}
# The libraries that every wheel may use (PEP 599, manylinux2014), as far as Debian has them.
_PROMISED = (
    *("libdl.so.2", "libgcc_s.so.1", "libpthread.so.0", "libresolv.so.2"),
    *("librt.so.1", "libstdc++.so.6", "libutil.so.1"),
)
_TOOLS = ("sh", "mv", "chmod", "cp", "rm")  # sam builds its own image on this one with them
_NEEDLESS = re.compile(
    r"/(test|tests|idlelib|lib2to3|tkinter|turtledemo|ensurepip|site-packages|config-[^/]+)(/|$)|\.a$"
)
_CHANGES = (
    "ENV PATH=/var/lang/bin:/usr/bin:/bin",
    "ENV PYTHONPATH=/var/task:/var/runtime",
    "ENV LAMBDA_TASK_ROOT=/var/task",
    "ENV LAMBDA_RUNTIME_DIR=/var/runtime",
    "ENV LANG=C.UTF-8",
    "WORKDIR /var/task",
)


def build(python: Path, tag: str) -> None:
    """Build the image from an interpreter with pip, and tag it."""
    with TemporaryDirectory() as folder:
        runtime, archive = Path(folder, "runtime"), Path(folder, "image.tar")
        requirements = ROOT / "requirements/runtime.txt"
        pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "-qq"]
        pip += ["--require-hashes", "--root-user-action=ignore", "--target", str(runtime)]
        subprocess.run([*pip, "-r", str(requirements)], check=True)
        with tarfile.open(archive, "w") as image:
            _fill(image, _prefix(python), runtime)
        changes = [option for change in _CHANGES for option in ("--change", change)]
        command = ["docker", "import", *changes, str(archive), f"{IMAGE}-{tag}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _prefix(python: Path) -> Path:
    code = "import json, sys; print(json.dumps(sys.base_prefix))"
    run = subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True)
    return Path(json.loads(run.stdout))


def _fill(image: tarfile.TarFile, prefix: Path, runtime: Path) -> None:
    for name in ("tmp", "opt", "var", "var/task", "var/rapid"):
        folder = tarfile.TarInfo(name)
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        image.addfile(folder)
    for name, content in {**_FILES, "var/runtime/bootstrap": _BOOTSTRAP}.items():
        file = tarfile.TarInfo(name)
        file.size, file.mode = len(content), 0o755
        image.addfile(file, io.BytesIO(content))
    image.add(runtime, "var/runtime", filter=_needed)
    image.add(prefix / "lib/python3.13", "var/lang/lib/python3.13", filter=_needed)
    binaries = {Path("/bin", tool): f"bin/{tool}" for tool in _TOOLS}
    binaries[prefix / "bin/python3.13"] = "var/lang/bin/python3.13"
    for path, name in binaries.items():
        image.add(path.resolve(), name)
    modules = [*(prefix / "lib/python3.13/lib-dynload").glob("*.so"), *runtime.glob("*.so")]
    for library in sorted(_libraries([*binaries, *modules])):
        image.add(library.resolve(), str(library).lstrip("/"))


def _needed(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if _NEEDLESS.search(member.name) else member


def _libraries(binaries: Iterable[Path]) -> set[Path]:
    """Return the shared libraries of some binaries, their loader, and _PROMISED."""
    command = [str(shutil.which("ldd")), *map(str, binaries)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    found = {Path(path) for path in re.findall(r"(/\S+) \(0x", run.stdout)}
    folder = next(path.parent for path in found if path.name == "libc.so.6")
    return found | {folder / name for name in _PROMISED}
