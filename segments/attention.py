"""What is wrong with segments today: whose size fell, who reaches nobody, which clauses cannot be resolved."""

import uuid
from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.functions import Greatest
from django.utils import timezone

from segments.excerpts import excerpt
from segments.expressions import resolve
from segments.matching import clauses_of, wanted_by
from segments.models import AudienceSegment, SegmentSize
from segments.models.segments import SegmentQuerySet

DAY = timedelta(days=1)
COMPILED = 200
COMPILED_FROM = ("owner_id", "properties", "exclusions", "retired_codes")
AT_ONCE = 2_000
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


def unresolved() -> list[uuid.UUID]:
    """Of the segments that reach nobody, the first of which some are looked at, those that give a warning now."""
    return list(warning(reaching_nobody().order_by("no")[:COMPILED]))


def warned(segments: SegmentQuerySet) -> list[uuid.UUID]:
    """Those of these segments that give a warning now, of whatever kind; all of them are compiled."""
    return [pk for batch in segments.only(*COMPILED_FROM).batches(AT_ONCE) for pk in warning(batch)]


def warning(segments: Iterable[AudienceSegment]) -> Iterator[uuid.UUID]:
    """Those of these that give a warning.

    No code is suggested for unknown ones here, which would take a query for each owner.
    """
    segments = list(segments)
    parsed = [clauses_of(segment).parsed() for segment in segments]
    known = excerpt(wanted_by(parsed))
    for segment, one in zip(segments, parsed, strict=True):
        visible = known.visible_to(segment.owner_id)
        here = {code: entry for code in one.asked if (entry := visible.get(code))}
        if resolve(one, here).warnings:
            yield segment.pk
