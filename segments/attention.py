"""What is wrong with segments today: whose size fell, who reaches nobody, which clauses cannot be resolved."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.db.models import F, Func, OuterRef, Q, Subquery, UUIDField, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from segments.excerpts import excerpt
from segments.inverted import Entry, Frozen
from segments.lookup import INDEX, State
from segments.models import AudienceSegment, SegmentSize
from segments.models.segments import SegmentQuerySet

DAY = timedelta(days=1)
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


def warned(segments: SegmentQuerySet | None = None, keys: Collection[uuid.UUID] | None = None) -> SegmentQuerySet:
    """Of all or these segments those that give a warning now, of whatever kind; `keys` are those of all that do."""
    found = Value(list(warning(INDEX.current()) if keys is None else keys), ArrayField(UUIDField()))
    # As one array: ten thousand keys one by one would take longer to send than to look for.
    return rows(segments).filter(pk__in=Func(found, template="(SELECT unnest(%(expressions)s))"))


def warning(state: State) -> set[uuid.UUID]:
    """Those of the definitions that give a warning, by one query of the catalogue for all that they list."""
    warn = {entry.segment.id for entry in state.entries.values() if entry.has_warning}
    beside = [entry for entry in state.beside() if not entry.has_warning]
    wanted = wanted_by(state.index, beside)
    known = excerpt(wanted).entries
    usable = {code: one.known.texts for code, one in known.items() if not one.known.deprecated}
    places = state.index.listing_others(usable) - state.hidden
    warn |= {state.index.segments[place].id for place in places}
    return warn | {entry.segment.id for entry in beside if entry.lists_others(usable)}


def wanted_by(index: Frozen, beside: Iterable[Entry]) -> dict[str, set[str]]:
    """The codes and texts that definitions list."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for code, attribute in index.attributes.items():
        wanted[code].update(attribute.listing)
    for code, listing in index.excluding.items():
        wanted[code].update(listing)
    for entry in beside:
        for listed in entry.listed:
            wanted[listed.code].update(listed.values)
    return wanted
