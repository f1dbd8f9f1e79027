"""The artifacts of the provider and of its peers, and the command that runs each."""

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
# Its maintainers publish only a source distribution.
_SOURCE_ONLY = ("--no-binary", "cfn-resource-provider")


@dataclass(frozen=True)
class Contender:
    """A handler to measure.

    module: has its lambda_handler. folders: it imports from these.
    """

    name: str
    module: str
    folders: tuple[Path, ...]

    def command(self, python: str) -> list[str]:
        """Return the command that runs the handler. With -S it imports from `folders` alone."""
        return [python, "-S", str(_INVOKE), self.module]

    def environment(self) -> dict[str, str]:
        """Return its environment in Lambda, with which every run executes the same instructions."""
        return {
            "PATH": "/usr/bin:/bin",
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join(map(str, self.folders)),
        }


class NodeContender(Contender):
    """A handler for Node, with its own runner."""

    def command(self, _: str) -> list[str]:
        """Return the command that runs it."""
        return ["node", str(PEERS / f"{self.module}.js")]

    def environment(self) -> dict[str, str]:
        """Return its environment in Lambda."""
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
    """Build and compile the artifacts; return the path of the Python that they need.

    peers_only_raw: build no other peer. The raw handler needs only the provider's requirements.
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
    """Install requirements and sources, unless this was done since they changed."""
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
    """Install the packages of the CDK's handler; return whether Node is installed."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        return False
    (folder,) = CDK.folders
    shutil.copytree(ROOT / "benchmarks/node", folder, dirs_exist_ok=True)
    npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    subprocess.run(npm, cwd=folder, check=True)
    return True


def zipped_size(paths: Iterable[Path]) -> int:
    """Return the size of a zip of files and folders, in bytes."""
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
    """Return the version of the Python that runs the contenders."""
    command = [python, "-c", "import sys; print(sys.version.split()[0])"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
