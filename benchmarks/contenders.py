"""The provider and its peers: their artifacts, and how each is run."""

import hashlib
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.world import ROOT
from tools import build

FOLDER = ROOT / ".build/benchmarks"
PEERS = ROOT / "benchmarks/peers"
_INVOKE = ROOT / "benchmarks/invoke.py"
# It is only published as a source distribution.
_SOURCE_ONLY = ("--no-binary", "cfn-resource-provider")


@dataclass(frozen=True)
class Contender:
    """A handler to be measured. module: has its lambda_handler; folders: what it imports from."""

    name: str
    module: str
    folders: tuple[Path, ...]

    def command(self, python: str) -> list[str]:
        """Return what runs benchmarks/invoke.py with the handler. -S: only `folders` count."""
        return [python, "-S", str(_INVOKE), self.module]

    def environment(self) -> dict[str, str]:
        """Return what Lambda's environment is for it; the same instructions in every run."""
        return {
            "PATH": "/usr/bin:/bin",
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join(map(str, self.folders)),
        }


class NodeContender(Contender):
    """A handler that Node runs, with a runner of its own."""

    def command(self, _: str) -> list[str]:
        """Return what runs it."""
        return ["node", str(PEERS / f"{self.module}.js")]

    def environment(self) -> dict[str, str]:
        """Return what Lambda's environment is for it."""
        (folder,) = self.folders
        path = f"{Path(shutil.which('node') or '').parent}:/usr/bin:/bin"
        return {"PATH": path, "NODE_PATH": str(folder / "node_modules")}


PROVIDER = Contender("provider", "connect_provider.quick_connect.app", (FOLDER / "functions",))
GROUPS = Contender(
    "provider (groups)", "connect_provider.traffic_distribution_group.app", (FOLDER / "functions",)
)
SOURCES = Contender("provider, sam build", "connect_provider.quick_connect.app", (FOLDER / "sam",))
RAW = Contender("raw handler", "raw", (FOLDER / "peers",))
OTHERS = (
    Contender("crhelper's sample", "crhelper_sample", (FOLDER / "peers",)),
    Contender("cfn-resource-provider", "resource_provider", (FOLDER / "peers",)),
    Contender("crhelper + Parser", "crhelper_parser", (FOLDER / "peers",)),
)

CDK = NodeContender("AwsCustomResource (CDK)", "aws_custom_resource", (FOLDER / "node",))


def prepare(*, peers_only_raw: bool) -> str:
    """Build the artifacts, compiled alike; return the python that they are for.

    peers_only_raw: the raw handler needs nothing that the provider's requirements lack.
    """
    python, target = build.for_this_machine()
    build.build(PROVIDER.folders[0], python, target)
    requirements = build.FUNCTIONS / "requirements.txt"
    if not peers_only_raw:
        _install(SOURCES.folders[0], requirements, target, build.FUNCTIONS, python)
        requirements, target = ROOT / "requirements/bench.txt", [*target, *_SOURCE_ONLY]
    _install(RAW.folders[0], requirements, target, PEERS, python)
    return python


def _install(
    folder: Path, requirements: Path, target: Iterable[str], sources: Path, python: str
) -> None:
    """Install requirements and sources, once for each content of them."""
    texts = [requirements, *sorted(sources.rglob("*.py"))]
    wanted = hashlib.sha256(b"".join(map(Path.read_bytes, texts)) + python.encode()).hexdigest()
    stamp = folder.with_suffix(".stamp")
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    build.install(requirements, folder, list(target))
    shutil.copytree(sources, folder, dirs_exist_ok=True)
    build.compile_modules(folder, python)
    stamp.write_text(wanted)


def prepare_cdk() -> bool:
    """Install what CDK's handler needs; tell whether Node is here to run it."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        return False
    (folder,) = CDK.folders
    shutil.copytree(ROOT / "benchmarks/node", folder, dirs_exist_ok=True)
    npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    subprocess.run(npm, cwd=folder, check=True)
    return True


def zipped_size(paths: Iterable[Path]) -> int:
    """Return the bytes of files and folders in a zip."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    archive = FOLDER / "size.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as content:
        for path in paths:
            for file in [path] if path.is_file() else sorted(path.rglob("*")):
                content.write(file, file.relative_to(path.parent))
    size = archive.stat().st_size
    archive.unlink()
    return size


def version(python: str) -> str:
    """Return the version of the python that everything runs on."""
    command = [python, "-c", "import sys; print(sys.version.split()[0])"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
