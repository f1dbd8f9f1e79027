"""Many functions that run at the same time, and share a queue of events.

Equal seeds give equal runs, however fast the machine.
"""

import random
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.support.harness import Context, FakeTime, Handler, fresh_handler
from tests.support.timeline import Timeline

_RUN_AGAIN_AFTER = (60.0, 120.0)  # Lambda's pauses before the second and the third run


class Simulation:
    """Runs events on a simulated clock. `environments`: how many functions run at the same time.

    An environment is a fresh copy of the function's module, as Lambda has one in each process.
    """

    def __init__(self, app: str, environments: int, seed: int, patch: pytest.MonkeyPatch) -> None:
        """seed: of the jitter."""
        patch.setattr("connect_provider.run.Run.rng", random.Random(seed))
        self._handlers = [fresh_handler(app) for _ in range(environments)]

    def run(self, events: Iterable[dict[str, Any]]) -> float:
        """Run the events; return how many simulated seconds they took."""
        timeline, queue, began = Timeline(), iter(events), FakeTime.current.passed
        for handler in self._handlers:
            timeline.start(lambda handler=handler: _serve(handler, queue))
        timeline.run()
        return FakeTime.current.passed - began


def _serve(handler: Handler, queue: Iterator[dict[str, Any]]) -> None:
    """Run each event as Lambda does: up to three times."""
    for event in queue:
        for pause in _RUN_AGAIN_AFTER:
            try:
                handler(event, Context())
                break
            except Exception:  # noqa: BLE001  # whatever it is, Lambda runs the event again
                FakeTime.current.sleep(pause)
        else:
            handler(event, Context())
