"""The rules find an author's mistakes in every correct template, and let harmless changes be.

MUTANTS: how many faulty mutants to try, and a quarter as many harmless ones.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cfnlint.match import Match

from tests.support.linting import lint
from tests.support.mutations import FAULTS, HARMLESS, Mutant, mutants, sample
from tests.support.templates import EXAMPLES

pytestmark = pytest.mark.no_cover

COUNT = int(os.environ.get("MUTANTS", "64"))
SEED = int(os.environ.get("SEED", "0"))
GOOD = sorted((Path(__file__).parent / "good").glob("*.yaml"))
TEMPLATES = {path.stem: path.read_text() for path in [*GOOD, *EXAMPLES]}

Note = Callable[[str, object], None]


def linted(chosen: list[Mutant], folder: Path) -> list[tuple[Mutant, list[Match]]]:
    """Return the errors that cfn-lint and our rules find in each mutant."""
    paths = [folder / f"{index}.yaml" for index, _ in enumerate(chosen)]
    for path, mutant in zip(paths, chosen, strict=True):
        path.write_text(mutant.text)
    found = lint(*paths)
    assert not [match for path in paths for match in found[path] if match.rule.id == "E0002"]
    errors = [
        [m for m in found[path] if m.rule.id[0] == "E" or m.rule.id == "W9609"] for path in paths
    ]
    return list(zip(chosen, errors, strict=True))


def shown(mutant: Mutant, errors: list[Match]) -> str:
    lines = [f"{match.linenumber} {match.rule.id}" for match in errors]
    return f"{mutant.template}: {mutant.kind} ({mutant.place}) at {sorted(mutant.lines)}; {lines}"


def test_the_rules_find_a_mistake_at_its_line(record_property: Note, tmp_path: Path) -> None:
    """At most 1 % of the faulty mutants are missed, and 97 % of the others are at their line."""
    chosen = sample(mutants(TEMPLATES, FAULTS), COUNT, SEED)
    found = linted(chosen, tmp_path)
    missed = [shown(mutant, []) for mutant, errors in found if not errors]
    elsewhere = [
        shown(mutant, errors)
        for mutant, errors in found
        if errors and not mutant.lines & {match.linenumber for match in errors}
    ]
    record_property("faulty templates", len(chosen))
    record_property("faulty templates: missed", len(missed))
    record_property("faulty templates: found at another line", len(elsewhere))
    # A small sample may hold one or two of the few that are missed.
    assert len(missed) <= max(2, len(chosen) * 0.01), missed
    assert len(elsewhere) <= max(3, len(chosen) * 0.03), elsewhere


def test_the_rules_find_nothing_in_a_harmless_mutant(record_property: Note, tmp_path: Path) -> None:
    """Order, layout, spelling, functions and other correct values do not matter."""
    chosen = sample(mutants(TEMPLATES, HARMLESS), COUNT // 4, SEED)
    flagged = [shown(*pair) for pair in linted(chosen, tmp_path) if pair[1]]
    record_property("harmless templates", len(chosen))
    assert flagged == []
