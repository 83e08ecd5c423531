"""What is wrong with segments today: whose size fell, who reaches nobody, which clauses cannot be resolved."""

import uuid
from datetime import timedelta

from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

from segments.matching import clauses_of, compile_all
from segments.models import AudienceSegment, SegmentSize
from segments.models.segments import SegmentQuerySet

DAY = timedelta(days=1)
COMPILED = 500
DECLARED = Q(declared_size__isnull=False) & (
    Q(management_type=AudienceSegment.ManagementType.SELFMANAGED) | Q(properties={})
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


def unresolved() -> list[uuid.UUID]:
    """Of the segments that reach nobody, the first of which some are looked at, those with a clause that cannot be
    resolved as the catalogue stands."""
    segments = list(reaching_nobody().order_by("no")[:COMPILED])
    meanings = compile_all([clauses_of(segment) for segment in segments])
    return [one.pk for one, meaning in zip(segments, meanings, strict=True) if meaning.warnings]
