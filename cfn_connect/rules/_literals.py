"""Literals of a template, as CloudFormation sends them to Lambda."""

from datetime import date


def text(value: object) -> object:
    """Return a literal with every scalar as text."""
    if isinstance(value, list):
        return [text(item) for item in value]
    if isinstance(value, dict):
        return {text(key): text(item) for key, item in value.items()}
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, str | int | float) else value
