"""Any event gets one response or a clear error, and touches nothing that it does not name.

Each case spoils an event of events/ in one or two places: another type, a huge or deep value, odd
characters, paths, ids of other accounts, partitions and Regions, or a missing or extra key.
"""

import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from connect_provider.edge.response import DeliveryError
from connect_provider.request import MalformedRequest
from sandbox import scene
from sandbox.connect_emulator import ConnectEmulator
from tests.support.harness import EVENTS, Context, Sink, handler_of, load_event

pytestmark = pytest.mark.large

# `make test` runs the same cases every time; HOSTILE=10000 runs 10,000 others.
CASES = int(os.environ.get("HOSTILE", "300"))
ARNS = [
    f"arn:{partition}:connect:{region}:{account}:{path}"
    for partition in ("aws", "aws-cn", "aws-us-gov", "AWS", "")
    for region in ("us-east-1", "cn-north-1", "..", "")
    for account in ("123456789012", "000000000000", "")
    for path in (
        f"instance/{scene.INSTANCE_ID}",
        f"instance/{scene.INSTANCE_ID}/transfer-destination/x",
        f"instance/{scene.INSTANCE_ID}/queue/x",
        f"instance/{scene.INSTANCE_ID}/queue/{scene.QUEUE_ID}",
        "instance/../x",
        "traffic-distribution-group/x",
        "traffic-distribution-group/",
    )
]
TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["", " ", "\x00", "\n", "a\nb", "../..", "%2e%2e%2f", "{}", "<x>", "\u202e", "é"]
    ),
    st.sampled_from(ARNS),
    st.sampled_from(["x" * 1025, "x" * 5000, "é" * 5000, "\ud800"]),
    st.sampled_from(["true", "50", "-1", "1e9", "NaN", "3600", "Adopt", "Fail", "USER"]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
DEEP: Any = "x"
for _ in range(200):
    DEEP = {"a": [DEEP]}
SPOILS = st.one_of(VALUES, st.just(DEEP))
KEYS = st.one_of(
    st.sampled_from(["InstanceArn", "QueueArn", "Name", "Nmae", "ServiceToken", "Tags", "UserIds"]),
    st.text(max_size=10),
)


def spoil(node: Any, data: st.DataObject) -> Any:
    """Return a copy of the node, spoiled in one place."""
    if isinstance(node, dict) and node and data.draw(st.integers(0, 4)):
        node = dict(node)
        key = data.draw(st.sampled_from(sorted(node)))
        if key == "ResponseURL":
            return node
        match data.draw(st.sampled_from(["into", "into", "into", "replace", "remove", "add"])):
            case "into":
                node[key] = spoil(node[key], data)
            case "replace":
                node[key] = data.draw(SPOILS)
            case "remove":
                del node[key]
            case "add":
                node[data.draw(KEYS)] = data.draw(SPOILS)
        return node
    if isinstance(node, list) and node and data.draw(st.booleans()):
        index = data.draw(st.integers(0, len(node) - 1))
        return [*node[:index], spoil(node[index], data), *node[index + 1 :]]
    return data.draw(SPOILS)


def texts_in(node: Any) -> set[str]:
    """Return every text in an event, and the ids in its ARNs."""
    if isinstance(node, dict):
        return {text for item in node.items() for text in texts_in(list(item))}
    if isinstance(node, list):
        return {text for item in node for text in texts_in(item)}
    return {str(node), *str(node).split("/"), *str(node).split(":")}


@settings(
    max_examples=CASES,
    derandomize="HOSTILE" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data(), name=st.sampled_from(sorted(path.stem for path in EVENTS.glob("*.json"))))
def test_any_event_gets_one_response_or_is_refused(
    data: st.DataObject, name: str, connect: ConnectEmulator, sink: Sink
) -> None:
    """The response is no bug of ours and not too large, and each call names ids of the event."""
    connect.reset()
    scene.seed(connect)
    scene.add_quick_connects(connect)
    sink.reset()
    event = load_event(name, sink)
    handler = handler_of(event)
    for _ in range(data.draw(st.integers(1, 2))):
        event = spoil(event, data)
    note(f"{name}: {str(event)[:2000]}")
    known = {*texts_in(event), *connect.groups, *(g["Id"] for g in connect.groups.values())}
    refusal = None
    try:
        handler(event, Context())
    except (MalformedRequest, DeliveryError) as error:
        refusal = str(error)
    if refusal is not None:
        assert "X-Amz" not in refusal
        assert sink.requests == []
        return
    assert len(sink.requests) == 1
    assert len(sink.requests[0].body) <= 4096
    response = json.loads(sink.requests[0].body)
    assert response["PhysicalResourceId"]
    assert response["Status"] == "SUCCESS" or response["Reason"]
    assert "in the provider" not in response["Reason"], response["Reason"]
    for entry in connect.journal:
        for key, value in entry.parameters.items():
            if key.endswith(("Id", "Arn")) and key != "ClientToken":
                assert str(value) in known | set(connect.quick_connects) | set(connect.groups)


@pytest.fixture(autouse=True)
def _report(record_property: Any) -> None:
    record_property("fuzzed events", CASES)
