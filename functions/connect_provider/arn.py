"""Connect's ARNs: arn:partition:connect:region:account:path, where the id is the path's end."""


def resource_id(arn_or_id: str) -> str:
    """Return the bare id of an ARN or id: what stands after the last slash."""
    return arn_or_id.rpartition("/")[2]


def region(arn_or_id: str) -> str | None:
    """Return the Region that an ARN names, or None for a bare id."""
    return arn_or_id.split(":")[3] if arn_or_id.startswith("arn:") else None


def instance_arn(arn: str) -> str | None:
    """Return the ARN of the instance that holds the resource, or None where the ARN has none."""
    head, _, path = arn.partition(":instance/")
    return f"{head}:instance/{path.split('/')[0]}" if path else None
