"""Many stacks at once, through an API that takes two requests a second and fails now and then."""

from typing import Any

from connect_provider.quick_connect.app import lambda_handler
from sandbox.connect_emulator import ConnectEmulator
from tests.support.children import Zygote
from tests.support.harness import FakeTime, Sink, load_event

QUICK_CONNECTS, CONCURRENT = 200, 50
SPEED = 25  # time passes so much faster than on a clock
FAILURES = 0.05


def test_two_hundred_quick_connects_through_a_throttled_api(
    connect: ConnectEmulator, sink: Sink
) -> None:
    """All are answered, none is doubled, and none is left after deletion."""
    import time

    FakeTime.current.monotonic = time.monotonic  # type: ignore[method-assign]
    connect.quick_connect_quota = QUICK_CONNECTS
    connect.rate, connect.failure_rate = 2.0 * SPEED, FAILURES
    zygote = Zygote(SPEED)
    try:
        _create_and_delete(connect, sink, zygote)
    finally:
        zygote.close()
    throttled = [entry for entry in connect.journal if entry.error == "ThrottlingException"]
    failed = [entry for entry in connect.journal if entry.error == "InternalServiceException"]
    assert throttled, "the API did throttle"
    assert failed, "and it did fail"


def _create_and_delete(connect: ConnectEmulator, sink: Sink, zygote: Zygote) -> None:
    ids: dict[int, str] = {}
    for request_type in ("create", "delete"):
        for start in range(0, QUICK_CONNECTS, CONCURRENT):
            jobs = []
            for number in range(start, start + CONCURRENT):
                event = load_event(
                    f"quick_connect_{request_type}",
                    sink,
                    RequestId=f"{request_type}-{number}",
                    LogicalResourceId=f"Desk{number}",
                    Properties={"Name": f"Desk {number}"},
                )
                if request_type == "delete":
                    event["PhysicalResourceId"] = ids[number]
                jobs.append((lambda_handler, event))
            assert zygote.run(jobs) == [0] * CONCURRENT
        responses: list[dict[str, Any]] = sink.responses
        assert len(responses) == QUICK_CONNECTS
        assert {response["Reason"] for response in responses} == {""}
        ids = {int(a["RequestId"].split("-")[1]): a["PhysicalResourceId"] for a in responses}
        left = QUICK_CONNECTS if request_type == "create" else 0
        assert len(connect.quick_connects) == left
        sink.reset()
