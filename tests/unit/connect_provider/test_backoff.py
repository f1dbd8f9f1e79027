"""The schedules, as tables of seconds."""

import random

import pytest

from connect_provider import backoff


@pytest.mark.parametrize(
    ("waited", "pause"), [(0, 1), (5, 1), (10, 1), (50, 5), (150, 15), (800, 15)]
)
def test_settle_delay_grows_with_the_time_waited(waited: float, pause: float) -> None:
    """It is a tenth of the time waited, between 1 s and 15 s."""
    assert backoff.settle_delay(waited) == pause


@pytest.mark.parametrize(("ready", "excess", "looks"), [(2, 1, 3), (10, 1, 10), (300, 15, 50)])
def test_settling_costs_little_time_and_few_looks(ready: int, excess: float, looks: int) -> None:
    """The wait exceeds the group's own time by little, with few Describe calls."""
    now, seen = 0.0, 0
    while now < ready:
        now += backoff.settle_delay(now)
        seen += 1
    assert now - ready <= excess
    assert seen <= looks


def test_the_looks_of_the_lag_are_few_and_the_last_one_comes_right_after_it() -> None:
    """The last look decides, and Connect allows two calls a second."""
    looks = [0.0]
    while looks[-1] <= backoff.CONSISTENCY_LAG:
        looks.append(looks[-1] + backoff.lag_delay(looks[-1]))
    assert looks[1:4] == [1, 2, 3]
    assert len(looks) == 10
    assert looks[-1] == pytest.approx(backoff.CONSISTENCY_LAG + 0.1)
    assert backoff.lag_delay(looks[-1]) == 1


@pytest.mark.parametrize(
    ("attempt", "elapsed", "ceiling"),
    [(0, 0, 1), (1, 0, 2), (9, 0, 4), (9, 100, 15), (99, 900, 20)],
)
def test_throttle_delay_is_full_jitter_under_a_growing_ceiling(
    attempt: int, elapsed: float, ceiling: float
) -> None:
    """The ceiling is min(2^attempt, 0.15 x elapsed), the latter between 4 s and 20 s."""
    rng = random.Random(1)
    drawn = [backoff.throttle_delay(attempt, elapsed, 1000, rng) for _ in range(500)]
    assert all(delay is not None and 0 <= delay <= ceiling for delay in drawn)
    assert max(d for d in drawn if d is not None) > 0.9 * ceiling


def test_no_throttle_delay_exceeds_the_deadline() -> None:
    """If a pause would end after the deadline, there is no next try."""
    assert backoff.throttle_delay(5, 800, 0, random.Random(1)) is None


def test_no_fault_delay_exceeds_the_deadline() -> None:
    """A failed call is retried until the deadline, at least every fifteen seconds."""
    delays = [backoff.fault_delay(attempt, 100, random.Random(1)) for attempt in range(50)]
    assert all(delay is not None and delay <= 15 for delay in delays)
    assert backoff.fault_delay(50, 0, random.Random(1)) is None


@pytest.mark.parametrize(
    ("remaining", "seconds"), [(900, 20), (20, 20), (19, 10), (6, 5), (4, 2), (1, 1), (-5, 1)]
)
def test_a_call_takes_no_longer_than_the_run(remaining: float, seconds: int) -> None:
    """A hanging call leaves time for the response."""
    assert backoff.read_timeout(remaining) == seconds


@pytest.mark.parametrize(
    ("started", "now", "service_timeout", "attempts", "again"),
    [
        pytest.param(None, 0, 3600, 2, False, id="an unknown age"),
        pytest.param(0, 840, 3600, 2, True, id="surely the first run"),
        pytest.param(0, 840, 3600, 0, False, id="no retries are configured"),
        pytest.param(0, 840, 900, 2, False, id="CloudFormation gives up before the next"),
        pytest.param(60, 900, 3600, 2, True, id="at most the second run of three"),
        pytest.param(60, 900, 3600, 1, False, id="perhaps the second run of two"),
        pytest.param(180, 1000, 3600, 2, False, id="perhaps the third run of three"),
    ],
)
def test_a_run_raises_only_if_lambda_surely_repeats_it(
    started: float | None,
    now: float,
    service_timeout: float,
    attempts: int,
    again: bool,  # noqa: FBT001
) -> None:
    """If the last run raised, the stack would wait for its timeout."""
    assert backoff.will_run_again(started, now, service_timeout, attempts) is again
