"""Coverage: how many of all audiences have an attribute at all."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from segments.expressions import AnyOf
from segments.models import AudienceAttribute, AudienceAttributeValue
from segments.store import store

MOST_VALUES = 1_000


@dataclass(frozen=True)
class Covered:
    """How many audiences have the attribute; None where it has too many values to be counted while somebody waits."""

    attribute: AudienceAttribute
    having: int | None


@dataclass(frozen=True)
class Coverage:
    """The coverage of some attributes, all from one view of the store."""

    as_of: datetime
    total: int
    covered: tuple[Covered, ...]


def coverage(attributes: Sequence[AudienceAttribute], most: int = MOST_VALUES) -> Coverage:
    """How many audiences have each of these attributes, those with at most so many values."""
    texts: dict[str, list[str]] = defaultdict(list)
    for attribute in attributes:
        values = AudienceAttributeValue.objects.filter(attribute=attribute)
        texts[attribute.code] = list(values.values_list("value", flat=True).order_by()[: most + 1])
    with store().snapshot() as view:
        return Coverage(
            view.as_of,
            view.total,
            tuple(
                Covered(each, view.count(AnyOf(each.code, tuple(listed))) if len(listed) <= most else None)
                for each, listed in ((each, texts[each.code]) for each in attributes)
            ),
        )
