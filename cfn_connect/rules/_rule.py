"""The base of the rules. A mistake in a loop is one finding, not one for each iteration."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from cfnlint.rules import CloudFormationLintRule, RuleMatch
from cfnlint.template import Template

from cfn_connect.rules._loops import Path, iterations


class Finding(NamedTuple):
    """A mistake: its path in the template, its message, and the origin of its value.

    node: the part of the text that is wrong, unless it is the last key of the path.
    """

    path: Path
    message: str
    origin: str = ""
    node: Any = None


class Rule(CloudFormationLintRule):
    """A rule of this package."""

    # Connect documents its limits here.
    source_url = "https://docs.aws.amazon.com/connect/latest/APIReference/Welcome.html"
    tags = ("connect",)

    def findings(self, cfn: Template) -> Iterable[Finding]:
        """Yield each mistake in a template. Some may appear several times."""
        raise NotImplementedError

    def match(self, cfn: Template) -> list[RuleMatch]:
        """Return each mistake once, with the iterations of a loop that have it."""
        seen = set()
        mistakes: dict[object, list[Finding]] = {}
        for it in self.findings(cfn):
            if (it.path, it.message) not in seen:
                seen.add((it.path, it.message))
                made_by = iterations(cfn).get(it.path[:2])
                written = (*(made_by.path if made_by else it.path[:2]), *it.path[2:])
                mistakes.setdefault((written, it.message, it.origin), []).append(it)
        return [self._match(cfn, found) for found in mistakes.values()]

    def _match(self, cfn: Template, found: list[Finding]) -> RuleMatch:
        path, message, origin, node = found[0]
        names = [str(it.path[1]) for it in found if it.path[:2] in iterations(cfn)]
        if len(names) > 2:
            names[1:] = [f"{len(names) - 1} others"]
        where = [origin] if origin else []
        where += [f"in {' and '.join(names)}"] if names else []
        if where:
            message += f" ({', '.join(where)})"
        wrong: Any = path[-1] if node is None else node
        if not hasattr(wrong, "start_mark"):  # cfn-lint has made it
            return RuleMatch(path, message)
        first, last = wrong.start_mark, wrong.end_mark
        place = (first.line, first.column, last.line, last.column)
        return RuleMatch(path, message, location=place)
