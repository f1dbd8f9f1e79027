"""Properties of a traffic distribution: good ones, and one mistake at a time."""

from typing import Any


def shares(*values: Any) -> dict[str, Any]:
    regions = ("us-east-1", "us-west-2", "eu-west-2")
    pairs = zip(regions, values, strict=False)
    return {"Distributions": [{"Region": r, "Percentage": p} for r, p in pairs]}


def places(*values: Any) -> dict[str, Any]:
    pairs = zip(("us-east-1", "us-west-2"), values, strict=False)
    return {"Distributions": [{"Region": r, "Enabled": v} for r, v in pairs]}


GOOD: dict[str, dict[str, Any]] = {
    "percentages as text": {"TelephonyConfig": shares("30", "70")},
    "telephony alone": {"AgentConfig": None},
    "the group as an ARN in its other spelling": {
        "TrafficDistributionGroupId": None,
        "TrafficDistributionGroupArn": (
            "arn:aws:connect:us-east-1:123456789012:traffic-distribution-group/g"
        ),
    },
    "the instance alone": {"TrafficDistributionGroupId": None, "InstanceId": "i"},
    "booleans as text": {"SignInConfig": places("true", "false")},
    "the other policy": {"OutOfBandTraffic": "Fail"},
    "isolated Regions": {"CrossRegionRouting": "Isolated"},
    "a revision": {"Revision": "after the drill of 2026-01-01"},
}
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no telephony": ({"TelephonyConfig": None}, "TelephonyConfig: is required"),
    "no share": ({"TelephonyConfig": {"Distributions": []}}, "TelephonyConfig.Distributions: "),
    "a sum of 90": ({"TelephonyConfig": shares("60", "30")}, "TelephonyConfig: the percentages"),
    "agents of 110": ({"AgentConfig": shares("60", "50")}, "AgentConfig: the percentages"),
    "steps of 5": (
        {"TelephonyConfig": shares("95", "5")},
        "TelephonyConfig.Distributions.0.Percentage: ",
    ),
    "more than 100": (
        {"TelephonyConfig": shares("110", "-10")},
        "TelephonyConfig.Distributions.0.Percentage: ",
    ),
    "no number": (
        {"TelephonyConfig": shares("all", "0")},
        "TelephonyConfig.Distributions.0.Percentage: ",
    ),
    "a Region twice": (
        {"TelephonyConfig": {"Distributions": shares("50")["Distributions"] * 2}},
        "TelephonyConfig: each Region should appear once",
    ),
    "no Region": (
        {"TelephonyConfig": {"Distributions": [{"Region": "here", "Percentage": "100"}]}},
        "TelephonyConfig.Distributions.0.Region: ",
    ),
    "agents in other Regions": ({"AgentConfig": shares("100")}, "AgentConfig: the Regions should"),
    "sign-ins in other Regions": ({"SignInConfig": places("true")}, "SignInConfig: the Regions"),
    "sign-ins nowhere": (
        {"SignInConfig": places("false", "false")},
        "SignInConfig: at least one Region should be Enabled",
    ),
    "a slip": (
        {"TelephonyConfg": shares("100", "0")},
        "TelephonyConfg: unknown property; did you mean TelephonyConfig?",
    ),
    "no group": ({"TrafficDistributionGroupId": None}, "TrafficDistributionGroupId: give either"),
    "a group and an instance": ({"InstanceId": "i"}, "TrafficDistributionGroupId: give either"),
    "a path for a group": ({"TrafficDistributionGroupId": "../g"}, "TrafficDistributionGroupId: "),
    "tags": ({"Tags": {"a": "b"}}, "Tags: unknown property"),
    "another routing": ({"CrossRegionRouting": "Off"}, "CrossRegionRouting: "),
    "a too long revision": ({"Revision": "x" * 257}, "Revision: "),
    "another policy": ({"OutOfBandTraffic": "Ask"}, "OutOfBandTraffic: "),
}
