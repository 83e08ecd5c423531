"""What is wrong with segments today: whose size fell, who reaches nobody, which clauses cannot be resolved."""

import uuid
from datetime import timedelta

from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

from segments.excerpts import excerpt
from segments.expressions import resolve
from segments.matching import clauses_of, wanted_by
from segments.models import AudienceSegment, SegmentSize
from segments.models.segments import SegmentQuerySet

DAY = timedelta(days=1)
COMPILED = 200
DECLARED = Q(declared_size__isnull=False) & (
    Q(management_type=AudienceSegment.ManagementType.SELFMANAGED) | Q(properties={}, retired_codes=[])
)


def fallen() -> SegmentQuerySet:
    """Segments whose computed size is a third less, or more than that, than it was a day ago."""
    earlier = SegmentSize.objects.filter(segment=OuterRef("pk"), as_of__lte=timezone.now() - DAY).order_by("-as_of")
    sized = AudienceSegment.objects.filter(computed_size__isnull=False).exclude(DECLARED)
    before = sized.annotate(size_before=Subquery(earlier.values("size")[:1]))
    return before.filter(size_before__gt=0, computed_size__lte=F("size_before") * 2 / 3)


def reaching_nobody() -> SegmentQuerySet:
    """Segments that show a computed size of 0."""
    return AudienceSegment.objects.filter(computed_size=0).exclude(DECLARED)


def after_retirement() -> SegmentQuerySet:
    """Segments that lost a clause when its attribute was retired, and select nobody until they are saved again."""
    return AudienceSegment.objects.exclude(retired_codes=[])


def unresolved() -> list[uuid.UUID]:
    """Of the segments that reach nobody, the first of which some are looked at, those that give a warning now.

    No code is suggested for unknown ones here, which would take a query for each owner.
    """
    segments = list(reaching_nobody().order_by("no")[:COMPILED])
    parsed = [clauses_of(segment).parsed() for segment in segments]
    known = excerpt(wanted_by(parsed))
    found = []
    for segment, one in zip(segments, parsed, strict=True):
        visible = known.visible_to(segment.owner_id)
        here = {code: entry for code in one.asked if (entry := visible.get(code))}
        if resolve(one, here).warnings:
            found.append(segment.pk)
    return found
