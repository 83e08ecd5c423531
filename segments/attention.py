"""What is wrong with segments today: whose size fell, who reaches nobody, which clauses cannot be resolved."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.db.models import F, Func, OuterRef, Q, Subquery, UUIDField, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from segments.excerpts import excerpt
from segments.expressions import AnyOf, Catalogue
from segments.inverted import Entry
from segments.lookup import INDEX
from segments.models import AudienceSegment, SegmentSize
from segments.models.segments import SegmentQuerySet

DAY = timedelta(days=1)
NONE: frozenset[str] = frozenset()
DECLARED = Q(declared_size__isnull=False) & (
    Q(management_type=AudienceSegment.ManagementType.SELFMANAGED) | Q(properties={}, retired_codes=[])
)


def fallen(segments: SegmentQuerySet | None = None) -> SegmentQuerySet:
    """Of all or these segments those whose computed size is a third less, or more than that, than a day ago."""
    earlier = SegmentSize.objects.filter(segment=OuterRef("pk"), as_of__lte=timezone.now() - DAY).order_by("-as_of")
    sized = rows(segments).filter(computed_size__isnull=False).exclude(DECLARED)
    # Compared once, in whole numbers: each mention of the size before would look it up anew.
    before = sized.annotate(twice_before=Subquery(earlier.values("size")[:1]) * 2)
    return before.filter(twice_before__gte=Greatest(F("computed_size") * 3, 1))


def reaching_nobody(segments: SegmentQuerySet | None = None) -> SegmentQuerySet:
    """Of all or these segments those that show a computed size of 0."""
    return rows(segments).filter(computed_size=0).exclude(DECLARED)


def rows(segments: SegmentQuerySet | None) -> SegmentQuerySet:
    return AudienceSegment.objects.all() if segments is None else segments


def after_retirement() -> SegmentQuerySet:
    """Segments that lost a clause when its attribute was retired, and select nobody until they are saved again."""
    return AudienceSegment.objects.exclude(retired_codes=[])


def warned(segments: SegmentQuerySet | None = None, keys: Sequence[uuid.UUID] | None = None) -> SegmentQuerySet:
    """Of all or these segments those that give a warning now, of whatever kind; `keys` are those of all that do."""
    found = Value(warning(INDEX.definitions()) if keys is None else keys, ArrayField(UUIDField()))
    # As one array: ten thousand keys one by one would take longer to send than to look for.
    return rows(segments).filter(pk__in=Func(found, template="(SELECT unnest(%(expressions)s))"))


def warning(entries: Collection[Entry]) -> list[uuid.UUID]:
    """Those of the definitions that give a warning, by one query of the catalogue for all that they list."""
    wanted: dict[str, set[str]] = defaultdict(set)
    asked = [(entry, entry.listed) for entry in entries if not entry.warns]
    for _entry, listed in asked:
        for part in listed:
            wanted[part.code].update(part.values)
    known = excerpt(wanted)
    owners = {entry.owner_id for entry in entries}
    usable = {owner: texts_without_warning(known.visible_to(owner), wanted) for owner in owners}
    found = [entry.segment.id for entry, listed in asked if lists_others(listed, usable[entry.owner_id])]
    return [*found, *(entry.segment.id for entry in entries if entry.warns)]


def texts_without_warning(known: Catalogue, codes: Iterable[str]) -> dict[str, set[str]]:
    """What a definition may list under each code; older texts of values stand beside them in the index."""
    found = {code: known.get(code) for code in codes}
    return {code: {*one.values, *one.aliases} for code, one in found.items() if one and not one.deprecated}


def lists_others(listed: Iterable[AnyOf], usable: Mapping[str, set[str]]) -> bool:
    return any(not usable.get(part.code, NONE).issuperset(part.values) for part in listed)
