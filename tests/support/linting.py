"""Run cfn-lint with its own rules and those of cfn_connect.rules."""

from collections import defaultdict
from pathlib import Path

from cfnlint.config import ConfigMixIn
from cfnlint.match import Match
from cfnlint.runner import Runner


def lint(*paths: Path) -> dict[Path, list[Match]]:
    """Return the findings in each template."""
    arguments = ["--append-rules", "cfn_connect.rules", "--", *map(str, paths)]
    found: dict[Path, list[Match]] = defaultdict(list)
    for match in Runner(ConfigMixIn(arguments)).run():
        found[Path(match.filename)].append(match)
    return found
