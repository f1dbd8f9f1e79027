"""Run cfn-lint with the rules of cfn_connect.rules."""

import sys
from collections import defaultdict
from functools import cache
from pathlib import Path

from cfnlint.config import ConfigMixIn
from cfnlint.match import Match
from cfnlint.rules import Rules
from cfnlint.runner import Runner

_OUR_IDS = ("E96", "W96", "E0")  # E0…: cfn-lint cannot read the template, or a rule crashes


def lint(*paths: Path, only_ours: bool = False) -> dict[Path, list[Match]]:
    """Return the findings in each template.

    only_ours: without cfn-lint's own rules, which take nine tenths of the time.
    """
    runner = _runner(only_ours=only_ours)
    runner.config = _config(*paths)
    found: dict[Path, list[Match]] = defaultdict(list)
    trace = sys.gettrace()
    if not only_ours:
        sys.settrace(None)  # coverage doubles the time of cfn-lint's own rules
    for match in runner.run():
        found[Path(match.filename)].append(match)
    sys.settrace(trace)
    return found


def _config(*paths: Path) -> ConfigMixIn:
    return ConfigMixIn(["--append-rules", "cfn_connect.rules", "--", *map(str, paths)])


@cache
def _runner(*, only_ours: bool) -> Runner:
    """Return a runner of the rules. To load all of cfn-lint's rules takes half a second."""
    runner = Runner(_config())
    if only_ours:
        ours = {name: rule for name, rule in runner.rules.items() if name.startswith(_OUR_IDS)}
        runner.rules = Rules(ours)
    return runner
