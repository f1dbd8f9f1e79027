"""A missed target fails."""

import pytest

from benchmarks.targets import Result


@pytest.mark.parametrize(
    ("result", "holds", "stretched"),
    [
        pytest.param(Result("x", 1.0, 1.1, 1.0), True, True, id="the stretch"),
        pytest.param(Result("x", 1.05, 1.1, 1.0), True, False, id="the target only"),
        pytest.param(Result("x", 1.11, 1.1, 1.0), False, False, id="too much"),
        pytest.param(Result("x", 1, 2, exact=True), False, False, id="fewer calls than expected"),
        pytest.param(Result("x", 2, 2, exact=True), True, True, id="exactly"),
    ],
)
def test_a_result_holds_up_to_its_limit(
    result: Result,
    holds: bool,  # noqa: FBT001
    stretched: bool,  # noqa: FBT001
) -> None:
    """An exact result holds at its limit only."""
    assert (result.holds, result.stretched) == (holds, stretched)
