"""When to look again, when to try again, and whether Lambda will run the request again.

Pure functions of seconds: the caller holds the clock, sleeps, and brings the random numbers.
"""

import random
from itertools import accumulate

# What an invocation keeps for itself, in seconds before Lambda's timeout.
ANSWER_RESERVE = 30.0  # the watchdog speaks then: enough for every try to deliver an answer
SETTLE_RESERVE = 60.0  # waiting and retrying stop then, and the request is run again

FAULT_ATTEMPTS = 5
CONSISTENCY_LAG = 10.0  # how long a Describe may not show yet what was just done
OVERTAKING_LAG = 2.0  # how soon after a request its stack may have cancelled it
ASK_AGAIN_AFTER = 5.0  # how long a stack's word that it waits for a request is good
ASK_AGAIN_AFTER_NONE = 60.0  # ... and how long a stack that did not answer is left alone
STATUS_LAG = 30.0  # how long what a stack says may not show yet what it was just told to do
# Lambda waits a minute before the second run of an asynchronous event, two before the third
# (Lambda developer guide, "Error handling for asynchronous invocation").
RUN_AGAIN_AFTER = (60.0, 120.0)


def watchdog_delay(time_left: float) -> float:
    """Return when to stop a run that has `time_left`, so that it can still answer."""
    return time_left - min(ANSWER_RESERVE, time_left / 2)


def settle_delay(waited: float) -> float:
    """Return the pause before the next look at a resource that is not stable after `waited`."""
    return min(max(0.1 * waited, 1.0), 15.0)


def throttle_delay(
    attempt: int, elapsed: float, remaining: float, rng: random.Random
) -> float | None:
    """Return the pause after the `attempt`-th throttled try (from 0), None when time is up.

    Full jitter under a ceiling that grows with the time that the call has been kept waiting:
    many functions that share two requests a second then neither starve nor waste calls.
    """
    ceiling = min(max(0.15 * elapsed, 4.0), 20.0)
    delay = rng.uniform(0, min(2.0 ** min(attempt, 10), ceiling))
    return delay if delay < remaining else None


def fault_delay(attempt: int, remaining: float, rng: random.Random) -> float | None:
    """Return the pause after the `attempt`-th failed try (from 0), None when it was the last."""
    delay = rng.uniform(0, 2.0**attempt)
    return delay if attempt + 1 < FAULT_ATTEMPTS and delay < remaining else None


def will_run_again(
    started: float | None, now: float, service_timeout: float, maximum_retry_attempts: int
) -> bool:
    """Tell whether Lambda is sure to run this request again, early enough to be heard.

    started: the request's age when this run began, None when unknown.
    now: the request's age now.
    service_timeout: how long CloudFormation waits for the answer, from the request's birth.

    Lambda does not say which run this is. Earlier runs may have crashed at once, so the age only
    gives the highest run that this can be, and that is what counts: to raise in what was the last
    run would leave the stack waiting for its timeout.
    """
    if started is None:
        return False
    highest_run = 1 + sum(started >= earliest for earliest in accumulate(RUN_AGAIN_AFTER))
    if highest_run > min(maximum_retry_attempts, len(RUN_AGAIN_AFTER)):
        return False
    return now + RUN_AGAIN_AFTER[highest_run - 1] + SETTLE_RESERVE < service_timeout
