"""Connect ARNs: arn:partition:connect:region:account:path. The id is the last part of the path."""

import os


def own_region() -> str:
    """Return the Region that the function runs in; a bare id belongs to it."""
    return os.environ["AWS_REGION"]


def resource_id(arn_or_id: str) -> str:
    """Return the bare id: the text after the last slash."""
    return arn_or_id.rpartition("/")[2]


def region(arn_or_id: str) -> str | None:
    """Return the Region of an ARN, or None for a bare id."""
    return arn_or_id.split(":")[3] if arn_or_id.startswith("arn:") else None


def region_of(arn_or_id: str) -> str:
    """Return the Region of an ARN, or the function's own Region for a bare id."""
    return region(arn_or_id) or own_region()


def instance_arn(arn: str) -> str | None:
    """Return the ARN of the instance that holds the resource, or None if the ARN has none."""
    head, _, path = arn.partition(":instance/")
    return f"{head}:instance/{path.split('/')[0]}" if path else None
