"""Where a response may go, and how it fits into 4,096 bytes."""

import json
from typing import Any

import botocore.session
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
def test_a_response_goes_to_cloudformation_only(url: str, expected: bool) -> None:  # noqa: FBT001
    """An event may name another host. That host gets no response, because a response holds ids."""
    assert is_response_url(url) is expected


# botocore's own data: a new partition or Region is tested with its next version.
PARTITIONS = {
    partition["id"]: partition
    for partition in botocore.session.get_session().get_data("partitions")["partitions"]
}
# The S3 endpoints of a Region (AWS General Reference, "Amazon S3 endpoints and quotas").
ENDPOINTS = [
    "s3.{region}.{suffix}",
    "s3-{region}.{suffix}",
    pytest.param("s3.dualstack.{region}.{suffix}"),
    pytest.param("s3-fips.{region}.{suffix}"),
    pytest.param("s3-fips.dualstack.{region}.{suffix}"),
    pytest.param("s3.{region}.{suffix}:443"),
]


def regions_of(partition: str) -> list[str]:
    """Return the Regions of a partition, without its pseudo-Region for global services."""
    return [region for region in PARTITIONS[partition]["regions"] if "global" not in region]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("partition", PARTITIONS)
def test_a_response_goes_to_every_endpoint_of_every_partition(
    partition: str, endpoint: str
) -> None:
    """If the provider refused its ResponseURL, a request would hang for an hour."""
    suffix = PARTITIONS[partition]["outputs"]["dnsSuffix"]
    for region in regions_of(partition):
        host = endpoint.format(region=region, suffix=suffix)
        bucket = f"{BUCKET}-{region.replace('-', '')}"
        assert is_response_url(f"https://{bucket}.{host}/key?X-Amz-Date=x"), host


@pytest.mark.parametrize(
    "bucket",
    [
        pytest.param("cloudformation-evil"),
        pytest.param(BUCKET),
        pytest.param(f"{BUCKET}-"),
        pytest.param(f"{BUCKET}-evil"),
        pytest.param(f"{BUCKET}-us-east-1-evil"),
        f"evil-{BUCKET}-useast1",
        f"{BUCKET}-useast1.evil",
    ],
)
def test_a_response_goes_to_no_other_bucket(bucket: str) -> None:
    """Anybody can create a bucket with a name that begins like CloudFormation's."""
    for host in ("s3.amazonaws.com", "s3.eu-west-1.amazonaws.com", "s3.amazonaws.com:443"):
        assert not is_response_url(f"https://{bucket}.{host}/key"), host


@pytest.mark.parametrize(
    "host",
    [
        "s3.amazonaws.com:444",
        "s3.amazonaws.com:",
        "s3.amazonaws.com:443@example.com",
        "s3.evil.us-east-1.amazonaws.com",
        "s3-website-us-east-1.amazonaws.com.evil.com",
        "s3.us-east-1.amazonaws.com.evil.eu",
        "s3-fips.us-east-1.evil.com",
        "s3express-use1-az4.us-east-1.amazonaws.com",
        "s3.us-east-1.amazonaws.com\\.example.com",
        "s3.us-east-1.amazonaws.com\n.example.com",
    ],
)
def test_a_response_goes_to_no_other_host(host: str) -> None:
    """The name of the bucket is not enough."""
    assert not is_response_url(f"https://{BUCKET}-useast1.{host}/key")


def response(**changes: Any) -> dict[str, Any]:
    ids = {"PhysicalResourceId": "p", "StackId": "s", "RequestId": "r", "LogicalResourceId": "l"}
    return {"Status": "SUCCESS", "Reason": "", **ids, "NoEcho": False, "Data": {}, **changes}


@pytest.mark.parametrize("character", ["x", "é", "東", "\U0001f600", '"', "\x00", "\ud800"])
@pytest.mark.parametrize("length", [0, 1, 3800, 4000, 20000])
def test_a_long_reason_is_cut_to_the_limit(character: str, length: int) -> None:
    """No more is cut than necessary, whatever characters it holds."""
    whole = response(Status="FAILED", Reason="Name: " + character * length)
    fitted = fit(whole)
    encoded, reason = json.dumps(fitted, separators=(",", ":")), fitted["Reason"]
    assert len(encoded) <= 4096
    assert whole["Reason"].startswith(reason)
    assert reason == whole["Reason"] or len(encoded) > 4096 - 12


@pytest.mark.parametrize("value", [{1}, float("nan"), b"x"])
def test_an_attribute_that_json_cannot_hold_is_named(value: object) -> None:
    """The response is FAILED and keeps its ids."""
    made = fit(response(Data={"Id": "x", "Odd": value}))
    assert (made["Status"], made["PhysicalResourceId"]) == ("FAILED", "p")
    assert "Odd" in made["Reason"]


def test_ids_that_do_not_fit_get_no_response() -> None:
    """CloudFormation requires every id."""
    with pytest.raises(DeliveryError):
        fit(response(StackId="s" * 5000))
