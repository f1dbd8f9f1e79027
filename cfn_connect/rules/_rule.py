"""The base of the rules. A mistake in a loop is one finding, not one for each iteration."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from cfnlint.rules import CloudFormationLintRule, RuleMatch
from cfnlint.template import Template

from cfn_connect.rules._loops import Path, iterations, name_of


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
        mistakes: dict[object, list[Finding]] = {}
        for it in self.findings(cfn):
            made_by = iterations(cfn).get(it.path[:2])
            written = (*(made_by.path if made_by else it.path[:2]), *it.path[2:])
            mistakes.setdefault((written, it.message), []).append(it)
        return [self._match(cfn, found) for found in mistakes.values()]

    def _match(self, cfn: Template, found: list[Finding]) -> RuleMatch:
        path, message, _, node = found[0]
        origins = _listed(it.origin for it in found) if found[0].origin else ""
        names = _listed(name_of(cfn, it.path) for it in found)
        where = ", in ".join(filter(None, [origins, names]))
        if where:
            message += f" ({where})" if origins else f" (in {where})"
        wrong: Any = path[-1] if node is None else node
        if not hasattr(wrong, "start_mark"):  # cfn-lint has made it
            return RuleMatch(path, message)
        first, last = wrong.start_mark, wrong.end_mark
        place = (first.line, first.column, last.line, last.column)
        return RuleMatch(path, message, location=place)


def _listed(names: Iterable[str]) -> str:
    """Return one or two names, or the first and how many others there are."""
    first, *others = dict.fromkeys(filter(None, names)) or [""]
    more = f"{len(others)} others" if len(others) > 1 else "".join(others)
    return f"{first} and {more}" if more else first
