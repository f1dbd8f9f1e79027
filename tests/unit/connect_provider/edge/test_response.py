"""Where an answer may go, and how it is made to fit."""

import json
from typing import Any

import pytest

from connect_provider.edge.response import DeliveryError, fit, is_response_url

BUCKET = "cloudformation-custom-resource-response"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"https://{BUCKET}-useast1.s3.amazonaws.com/key?X-Amz-Date=x", True),
        (f"https://{BUCKET}-euwest2.s3.eu-west-2.amazonaws.com/key", True),
        (f"https://{BUCKET}-euwest1.s3-eu-west-1.amazonaws.com/key", True),
        (f"https://{BUCKET}-cnnorth1.s3.cn-north-1.amazonaws.com.cn/key", True),
        (f"https://{BUCKET}-usgovwest1.s3.us-gov-west-1.amazonaws.com/key", True),
        (f"http://{BUCKET}-useast1.s3.amazonaws.com/key", False),
        ("https://example.com/key", False),
        (f"https://{BUCKET}-useast1.s3.amazonaws.com.example.com/key", False),
        (f"https://{BUCKET}-useast1.s3.amazonaws.com@example.com/key", False),
        (f"https://example.com/{BUCKET}-useast1.s3.amazonaws.com", False),
        (f"https://{BUCKET}-useast1.s3.amazonaws.com:8443/key", False),
        ("https://my-bucket.s3.amazonaws.com/key", False),
        ("https://[::1", False),
        ("", False),
    ],
)
def test_a_response_goes_to_cloudformation_alone(url: str, expected: bool) -> None:  # noqa: FBT001
    """An event that names another host gets no answer there: it would hold ids."""
    assert is_response_url(url) is expected


def response(**changes: Any) -> dict[str, Any]:
    ids = {"PhysicalResourceId": "p", "StackId": "s", "RequestId": "r", "LogicalResourceId": "l"}
    return {"Status": "SUCCESS", "Reason": "", **ids, "NoEcho": False, "Data": {}, **changes}


@pytest.mark.parametrize("character", ["x", "é", "東", "\U0001f600", '"', "\x00", "\ud800"])
@pytest.mark.parametrize("length", [0, 1, 3800, 4000, 20000])
def test_a_reason_is_cut_to_what_fits(character: str, length: int) -> None:
    """Whatever it is made of, and never more than needed."""
    whole = response(Status="FAILED", Reason="Name: " + character * length)
    fitted = fit(whole)
    encoded, reason = json.dumps(fitted, separators=(",", ":")), fitted["Reason"]
    assert len(encoded) <= 4096
    assert whole["Reason"].startswith(reason)
    assert reason == whole["Reason"] or len(encoded) > 4096 - 12


@pytest.mark.parametrize("value", [{1}, float("nan"), b"x"])
def test_what_json_cannot_hold_is_an_error_with_its_name(value: object) -> None:
    """The ids stay."""
    made = fit(response(Data={"Id": "x", "Odd": value}))
    assert (made["Status"], made["PhysicalResourceId"]) == ("FAILED", "p")
    assert "Odd" in made["Reason"]


def test_ids_that_do_not_fit_get_no_response() -> None:
    """Every one of them is required."""
    with pytest.raises(DeliveryError):
        fit(response(StackId="s" * 5000))
