"""Simulate throttled stacks and waits with the provider's own schedules, on a simulated clock."""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass

from connect_provider import backoff

RATE, BURST = 2.0, 5.0  # requests a second for each API of Connect, and its burst
FUNCTION_TIMEOUT = 900.0
SERVICE_TIMEOUT = 3600.0
MAXIMUM_RETRY_ATTEMPTS = 2
LATENCY = 0.05  # seconds for each call

# (attempt, elapsed, remaining, rng) -> the pause, or None to give up
Policy = Callable[[int, float, float, random.Random], float | None]


def legacy(attempt: int, elapsed: float, remaining: float, rng: random.Random) -> float | None:
    """Pause like botocore's default mode, which makes five attempts."""
    return rng.random() * 2.0**attempt if attempt < 4 else None


def standard(attempt: int, elapsed: float, remaining: float, rng: random.Random) -> float | None:
    """Pause like botocore's standard mode, which makes three attempts."""
    return rng.random() * 2.0**attempt if attempt < 2 else None


def patient(attempt: int, elapsed: float, remaining: float, rng: random.Random) -> float | None:
    """Pause like botocore's standard mode with 200 attempts."""
    return min(rng.random() * 2.0**attempt, 20.0) if attempt < 199 else None


POLICIES: dict[str, Policy] = {
    "provider": backoff.throttle_delay,
    "standard, 200 attempts": patient,
    "standard": standard,
    "legacy": legacy,
}


class Bucket:
    """The token bucket of one API."""

    def __init__(self) -> None:
        self._tokens, self._seen = BURST, 0.0

    def take(self, now: float) -> bool:
        """Take a token; return whether there was one."""
        self._tokens = min(BURST, self._tokens + (now - self._seen) * RATE)
        self._seen = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@dataclass(order=True)
class _Call:
    """The next call for one create. A run is one invocation of the function."""

    when: float
    number: int
    attempt: int = 0
    run: int = 0
    began: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """The result of a stack."""

    failures: int
    makespan: float
    throttled: int


def floor(creates: int) -> float:
    """Return the least seconds that Connect's rate allows for a number of creates."""
    return max(creates - BURST, 0) / RATE


def throttled_stack(creates: int, policy: Policy, seed: int) -> Outcome:
    """Create a number of quick connects at once, as in one or more stacks."""
    rng, bucket = random.Random(seed), Bucket()
    calls = [_Call(rng.random() * LATENCY, number) for number in range(creates)]
    heapq.heapify(calls)
    failures, throttled, last = 0, 0, 0.0
    while calls:
        call = heapq.heappop(calls)
        if bucket.take(call.when):
            last = call.when + LATENCY
            continue
        throttled += 1
        again = _next(call, call.when + LATENCY, policy, rng)
        if again is None:
            failures += 1
        else:
            heapq.heappush(calls, again)
    return Outcome(failures, last, throttled)


def _next(call: _Call, now: float, policy: Policy, rng: random.Random) -> _Call | None:
    """Return the next attempt, in this run or in the next; None if the request fails."""
    elapsed = now - call.began
    remaining = FUNCTION_TIMEOUT - backoff.SETTLE_RESERVE - elapsed
    delay = policy(call.attempt, elapsed, remaining, rng)
    if delay is not None:
        return _Call(now + delay, call.number, call.attempt + 1, call.run, call.began)
    if policy is not backoff.throttle_delay or not backoff.will_run_again(
        call.began, now, SERVICE_TIMEOUT, MAXIMUM_RETRY_ATTEMPTS
    ):
        return None
    began = now + backoff.RUN_AGAIN_AFTER[call.run]
    return _Call(began, call.number, run=call.run + 1, began=began)


@dataclass(frozen=True)
class Wait:
    """How late a resource was found ready, and after how many calls."""

    excess: float
    looks: int


def settle(ready: float) -> Wait:
    """Wait for a resource that is ready after some seconds."""
    now, looks = 0.0, 1
    while now < ready:
        now += backoff.settle_delay(now)
        looks += 1
    return Wait(now - ready, looks)


def worst_settle(ready: float) -> Wait:
    """Wait for resources that are ready up to 10 % earlier; return the worst values."""
    waits = [settle(ready * (0.9 + step / 1000)) for step in range(101)]
    return Wait(max(w.excess for w in waits), max(w.looks for w in waits))
