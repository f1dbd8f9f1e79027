"""cfn-lint with the rules of cfn_connect_rules, all of its own rules included."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from cfnlint.config import ConfigMixIn
from cfnlint.runner import Runner

Findings = dict[Path, list[tuple[int, str]]]


def lint(paths: Iterable[Path]) -> Findings:
    """Return line and rule id of everything that is found in each template."""
    arguments = ["--append-rules", "cfn_connect_rules", "--", *map(str, paths)]
    found: Findings = defaultdict(list)
    for match in Runner(ConfigMixIn(arguments)).run():
        found[Path(match.filename)].append((match.linenumber, match.rule.id))
    return found
