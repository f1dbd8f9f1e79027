"""The envelope and the age of a request."""

from datetime import UTC, datetime
from typing import Any

import pytest

from connect_provider.errors import InvalidRequest
from connect_provider.request import parse_request, signed_at
from tests.support.harness import EVENTS, Sink, load_event

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("X-Amz-Date=20260101T120000Z&X-Amz-Expires=7200", NOON, id="Version 4"),
        pytest.param(f"Expires={int(NOON.timestamp()) + 7200}&Signature=x", NOON, id="Version 2"),
        pytest.param("", None, id="neither"),
        pytest.param("X-Amz-Date=yesterday", None, id="no date"),
        pytest.param("Expires=99999999999999999999", None, id="a year that is none"),
    ],
)
def test_the_url_tells_the_signing_time(query: str, expected: datetime | None) -> None:
    """The time is in X-Amz-Date, or two hours before Expires."""
    assert signed_at(f"https://bucket.example/key?{query}") == expected


@pytest.mark.parametrize("path", sorted(EVENTS.glob("*.json")), ids=lambda path: path.stem)
def test_every_example_is_a_request(path: Any, sink: Sink) -> None:
    """CloudFormation sends requests like those in events/."""
    event = load_event(path.stem, sink)
    assert parse_request(event).request_type.lower() in path.stem
    assert all(
        isinstance(value, str | list | dict) for value in event["ResourceProperties"].values()
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("PhysicalResourceId", None),
        ("ResourceType", 5),
        ("ResourceProperties", "text"),
        ("ResponseURL", "no url"),
    ],
)
def test_a_wrong_field_is_named(key: str, value: object, sink: Sink) -> None:
    """The error names the field and shows no value."""
    event = load_event("quick_connect_update", sink)
    event[key] = value
    with pytest.raises(InvalidRequest, match=rf"\b{key}: ") as raised:
        parse_request(event)
    assert "text" not in str(raised.value)
