"""cfn-lint with the rules of cfn_connect.rules, all of its own rules included."""

from collections import defaultdict
from pathlib import Path

from cfnlint.config import ConfigMixIn
from cfnlint.match import Match
from cfnlint.runner import Runner


def lint(*paths: Path) -> dict[Path, list[Match]]:
    """Return everything that is found in each template."""
    arguments = ["--append-rules", "cfn_connect.rules", "--", *map(str, paths)]
    found: dict[Path, list[Match]] = defaultdict(list)
    for match in Runner(ConfigMixIn(arguments)).run():
        found[Path(match.filename)].append(match)
    return found
