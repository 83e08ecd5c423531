"""Coverage: how many of all audiences have an attribute at all."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count

from segments.expressions import AnyOf
from segments.models import AudienceAttribute, AudienceAttributeValue
from segments.store import store
from segments.values import counts_of

MOST_VALUES = 1_000
MOST_ON_ITS_PAGE = 20_000
COMMONEST = 20


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
    values = AudienceAttributeValue.objects.filter(attribute__in=attributes).order_by()
    counted = dict(values.values_list("attribute").annotate(count=Count("pk")))
    few = [each.pk for each in attributes if counted.get(each.pk, 0) <= most]
    texts: dict[uuid.UUID, list[str]] = defaultdict(list)
    for attribute_id, text in values.filter(attribute__in=few).values_list("attribute", "value"):
        texts[attribute_id].append(text)
    with store().snapshot() as view:
        clauses = {each.pk: AnyOf(each.code, tuple(texts[each.pk])) for each in attributes if each.pk in few}
        having = {attribute_id: view.count(clause) for attribute_id, clause in clauses.items()}
        covered = tuple(Covered(each, having.get(each.pk)) for each in attributes)
        return Coverage(view.as_of, view.total, covered)


@dataclass(frozen=True)
class Counted:
    """A value, what people read for it or nothing, how many audiences have it, and the texts that it had before."""

    text: str
    name: str
    audiences: int
    aliases: tuple[str, ...]


@dataclass(frozen=True)
class Spread:
    """How many of all audiences have an attribute, and its commonest values, from one view of the store."""

    as_of: datetime
    total: int
    having: int
    values: tuple[Counted, ...]


def spread(attribute: AudienceAttribute) -> Spread | None:
    """The spread of an attribute; None where it has too many values to be counted while somebody waits."""
    rows = AudienceAttributeValue.objects.filter(attribute=attribute)
    if rows.count() > MOST_ON_ITS_PAGE:
        return None
    with store().snapshot() as view:
        texts, aliases = view.value_counts(attribute.code), attribute.aliases
        having = view.count(AnyOf(attribute.code, tuple(sorted(texts))))
        counts = counts_of(attribute, {aliases.get(text, text) for text in texts}, view, aliases)
        as_of, total = view.as_of, view.total
    commonest = sorted(counts, key=lambda text: (-counts[text], text))[:COMMONEST]
    names = dict(rows.with_texts(commonest).values_list("value", "name"))
    older = {text: tuple(sorted(alias for alias, now in aliases.items() if now == text)) for text in commonest}
    shown = (Counted(text, names.get(text, ""), counts[text], older[text]) for text in commonest)
    return Spread(as_of, total, having, tuple(shown))
