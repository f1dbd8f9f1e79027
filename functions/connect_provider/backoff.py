"""When to look again, when to retry, and whether Lambda will run the request again.

Pure functions of seconds. The caller holds the clock, sleeps, and supplies the random numbers.
"""

import random
from itertools import accumulate

# The time that a run reserves, in seconds before Lambda's timeout.
RESPONSE_RESERVE = 30.0  # the watchdog stops the run then, in time for every try of the response
SETTLE_RESERVE = 60.0  # waiting and retrying stop then, and Lambda runs the request again

# API reference, "Eventual consistency": Connect shows most changes within a few seconds.
CONSISTENCY_LAG = 30.0  # until then, a miss proves nothing
CONFLICT_PATIENCE = 90.0  # for so long, a create or a traffic change repeats after a conflict,
# and a group that is being created or changed may be missing
SLOW_REMOVAL = 10.0  # after a longer one, the owner of a group is read again
SIBLING_PATIENCE = 60.0  # a rename waits so long for a sibling that still has the Name
SUPERSEDING_LAG = 2.0  # a younger request cannot have been canceled
ASK_AGAIN_AFTER = 1.0  # until then, the last response of CloudFormation remains valid
ASK_AGAIN_AFTER_THROTTLE = 5.0  # the pause after CloudFormation throttled a question
ASK_AGAIN_AFTER_FAILURE = 60.0  # the pause after CloudFormation did not respond
STATUS_LAG = 30.0  # until then, a stack's status may not show the latest operation
CLOCK_SKEW = 5.0  # the times of Connect and CloudFormation differ by less
READ_TIMEOUTS = (20, 10, 5, 2)  # the first one, unless a deadline is near
# Lambda waits one minute before the second run of an asynchronous event, two before the third
# (Lambda developer guide, "Error handling for asynchronous invocation").
RUN_AGAIN_AFTER = (60.0, 120.0)


def watchdog_delay(time_left: float) -> float:
    """Return when to stop a run that has `time_left`, so that it can still respond."""
    return time_left - min(RESPONSE_RESERVE, time_left / 2)


def settle_delay(waited: float) -> float:
    """Return the pause before the next look, after `waited` seconds."""
    return min(max(0.1 * waited, 1.0), 15.0)


def lag_delay(waited: float) -> float:
    """Return the pause before the next look at what Connect may show late, after `waited` seconds.

    A look comes right after the lag, since it decides. Ten looks are enough until then.
    """
    left = CONSISTENCY_LAG + 0.1 - waited
    return max(min(0.5 * waited, left), 1.0)


def throttle_delay(
    attempt: int, elapsed: float, remaining: float, rng: random.Random
) -> float | None:
    """Return the pause after a throttled try (attempt 0, 1, …), or None when time is up.

    Full jitter under a ceiling that grows with the elapsed time. Many functions that share two
    requests per second then neither starve nor waste calls.
    """
    ceiling = min(max(0.15 * elapsed, 4.0), 20.0)
    delay = rng.uniform(0, min(2.0 ** min(attempt, 10), ceiling))
    return delay if delay < remaining else None


def fault_delay(attempt: int, remaining: float, rng: random.Random) -> float | None:
    """Return the pause after a failed try (attempt 0, 1, …), or None when time is up."""
    delay = rng.uniform(0, min(2.0 ** min(attempt, 10), 15.0))
    return delay if delay < remaining else None


def read_timeout(remaining: float) -> int:
    """Return how many seconds a call may take. Few distinct values, since each has a client."""
    return next((seconds for seconds in READ_TIMEOUTS if seconds <= remaining), 1)


def will_run_again(
    started: float | None, now: float, service_timeout: float, maximum_retry_attempts: int
) -> bool:
    """Return whether Lambda will surely run this request again, early enough to respond.

    started: the request's age when this run began, or None if unknown.
    now: the request's age now.
    service_timeout: the age at which CloudFormation stops waiting for the response.

    Lambda does not say which run this is, and earlier runs may have crashed at once. The age gives
    the highest run that this can be. If the last run raised, the stack would wait for its timeout.
    """
    if started is None:
        return False
    highest_run = 1 + sum(started >= earliest for earliest in accumulate(RUN_AGAIN_AFTER))
    if highest_run > min(maximum_retry_attempts, len(RUN_AGAIN_AFTER)):
        return False
    return now + RUN_AGAIN_AFTER[highest_run - 1] + SETTLE_RESERVE < service_timeout
