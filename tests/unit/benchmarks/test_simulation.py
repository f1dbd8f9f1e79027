"""The simulated stacks distinguish good retry policies from bad ones."""

import pytest

from benchmarks import simulation
from connect_provider import backoff


def test_no_policy_is_faster_than_the_rate() -> None:
    """The bucket allows five calls at once and two a second."""
    outcome = simulation.throttled_stack(50, backoff.throttle_delay, seed=1)
    assert outcome.failures == 0
    assert outcome.makespan >= simulation.floor(50)


@pytest.mark.parametrize("policy", [simulation.legacy, simulation.standard])
def test_botocore_s_own_retries_fail_most_of_a_stack(policy: simulation.Policy) -> None:
    """They give up after three or five attempts."""
    assert simulation.throttled_stack(200, policy, seed=1).failures > 150


def test_a_stack_that_outlasts_a_run_continues_in_the_next() -> None:
    """2,000 creates need more than the 840 seconds of one run."""
    outcome = simulation.throttled_stack(2000, backoff.throttle_delay, seed=1)
    assert outcome.failures == 0
    assert outcome.makespan > simulation.FUNCTION_TIMEOUT


@pytest.mark.parametrize(("ready", "looks"), [(2, 3), (10, 11)])
def test_a_resource_is_found_ready_by_the_next_look(ready: float, looks: int) -> None:
    """The first looks are a second apart."""
    assert simulation.settle(ready) == simulation.Wait(0.0, looks)
