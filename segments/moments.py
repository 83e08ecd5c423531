"""Moments as they are answered."""

from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """UTC with `Z`, and a fraction only when it is not zero (RFC 3339)."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"
