"""Who uses an attribute or a value: the segments with a clause that means it, the audiences that have it."""

from collections.abc import Collection
from dataclasses import dataclass

from segments.expressions import AnyOf, parse
from segments.models import AudienceAttribute, AudienceSegment
from segments.models.segments import SegmentQuerySet
from segments.store import store

ROWS = 1000


@dataclass(frozen=True)
class Uses:
    """How many segments and audiences there are of them."""

    segments: int
    audiences: int

    def __bool__(self) -> bool:
        return bool(self.segments or self.audiences)


def uses_of(attribute: AudienceAttribute, texts: Collection[str] | None = None) -> Uses:
    """The uses of an attribute or, with texts, of those values of it."""
    return Uses(count_segments(attribute, texts), count_audiences(attribute.code, texts))


def segments_meaning(attribute: AudienceAttribute) -> SegmentQuerySet:
    """Segments with a clause on it; to owners who may not use it, its code means something unknown."""
    return of_its_users(attribute, AudienceSegment.objects.naming(attribute.code))


def of_its_users(attribute: AudienceAttribute, segments: SegmentQuerySet) -> SegmentQuerySet:
    """Those of these segments whose owners may use the attribute."""
    if attribute.visibility == AudienceAttribute.Visibility.PUBLIC:
        return segments
    return segments.filter(owner=attribute.owner_id)


def count_segments(attribute: AudienceAttribute, texts: Collection[str] | None) -> int:
    rows = segments_meaning(attribute)
    if texts is None:
        return rows.count()
    definitions = rows.values_list("properties", "exclusions").iterator(ROWS)
    asked = (parse(*definition).asked.get(attribute.code, set()) for definition in definitions)
    return sum(not found.isdisjoint(texts) for found in asked)


def count_audiences(code: str, texts: Collection[str] | None) -> int:
    with store().snapshot() as view:
        return view.count(AnyOf(code, tuple(sorted(view.value_counts(code) if texts is None else texts))))
