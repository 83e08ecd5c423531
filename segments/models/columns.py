"""Column types and rules that several models share."""

import json
from datetime import UTC, datetime
from typing import Any

from django.db import models
from django.db.models import Func, Q, Value
from django.db.models.lookups import Exact

LATEST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


class ExactDecoder(json.JSONDecoder):
    """Read jsonb back as it came in: a float that jsonb spelled out in digits becomes a float again.

    `1e300` is a legal JSON number that jsonb prints as an integer of 301 digits; no JSON writer that
    keeps to 64 bits can answer that, and its double is what the client sent.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, parse_int=_integer)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 19 or -(2**63) <= int(digits) < 2**64 else float(digits)


class NextNumber(Func):
    """The next number of a sequence; what it gives is unique and grows, and may leave gaps."""

    function = "nextval"

    def __init__(self, sequence: str | Value) -> None:
        super().__init__(sequence if isinstance(sequence, Value) else Value(sequence))
        self.output_field = models.BigIntegerField()


@models.CharField.register_lookup
@models.TextField.register_lookup
class Composed(models.Transform):
    """`name__nfc__icontains`: the text in Unicode's composed form; names are kept as they were sent."""

    lookup_name = "nfc"
    function = "normalize"


class TransactionId(models.Field):  # type: ignore[type-arg]
    """The number of the transaction that wrote the row (xid8).

    With `pg_snapshot_xmin` it tells what a reader may not have seen yet: numbers alone do not, as they
    commit out of order.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"editable": False, "db_default": CurrentTransaction(), **options})

    def db_type(self, connection: Any) -> str:
        return "xid8"


class CurrentTransaction(Func):
    function = "pg_current_xact_id"

    def __init__(self) -> None:
        super().__init__()
        self.output_field = models.TextField()


def exact_object(**options: Any) -> "models.JSONField[Any, Any]":
    """A JSON object kept as it was sent."""
    return models.JSONField(decoder=ExactDecoder, **options)


def is_object(field: str, name: str) -> models.CheckConstraint:
    """The rule that a JSON column holds an object."""
    kind = Func(field, function="jsonb_typeof", output_field=models.TextField())
    return models.CheckConstraint(condition=Exact(kind, Value("object")), name=name)


def is_a_date(field: str, name: str) -> models.CheckConstraint:
    """The rule that a moment is one Python can read: PostgreSQL also knows infinity and the year 294276."""
    return models.CheckConstraint(
        condition=Q(**{f"{field}__lte": LATEST}) & Q(**{f"{field}__gte": datetime(1, 1, 1, tzinfo=UTC)}), name=name
    )
