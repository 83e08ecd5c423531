"""The computed sizes of segments: counted, kept with the moment they were true for, and their history."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import DatabaseError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from segments.matching import Size, clauses_of, sizes_of
from segments.models import AudienceSegment, SegmentSize

RECOUNTED = 200
COUNTED = ("management_type", "owner_id", "properties", "exclusions", "revision")
SIZE_COLUMNS = ("computed_size", "size_revision", "size_as_of")


def recount(rows: QuerySet[AudienceSegment], lasting: timedelta = timedelta(0)) -> None:
    """Compute the sizes of these segments afresh, so many at a time from one view, and keep them.

    One that is the same as before is left alone while its date is younger than `lasting`. Those that cannot be
    counted keep what they have; the others are counted all the same before that is raised.
    """
    failure = None
    rows = rows.only(*COUNTED, *SIZE_COLUMNS).order_by("pk")
    segments = list(rows[:RECOUNTED])
    while segments:
        try:
            recount_together(segments, lasting)
        except DatabaseError as error:
            failure = failure or error
            if not connection.is_usable():
                break
        segments = list(rows.filter(pk__gt=segments[-1].pk)[:RECOUNTED])
    if failure:
        raise failure


def recount_together(segments: Sequence[AudienceSegment], lasting: timedelta) -> None:
    """Compute the sizes of these segments from one view, and keep those that are new or were counted long ago."""
    counted = {}
    sized = sizes_of([clauses_of(segment) for segment in segments])
    for segment, (_resolved, size) in zip(segments, sized, strict=True):
        before = segment.computed_size, segment.size_revision, segment.size_as_of
        set_size(segment, size)
        if before[:2] != (segment.computed_size, segment.size_revision) or is_old(before[2], lasting):
            counted[segment.pk] = segment.revision, size
    if counted:
        keep_sizes(counted)


def is_old(as_of: datetime | None, lasting: timedelta) -> bool:
    """Whether a size says a moment so long ago."""
    return as_of is not None and as_of <= timezone.now() - lasting


def keep_size(segment: AudienceSegment) -> None:
    """Store a size unless the definition has changed since it was read, or a later size is there."""
    sizes = {name: getattr(segment, name) for name in SIZE_COLUMNS}
    unchanged = AudienceSegment.objects.filter(pk=segment.pk, revision=segment.revision)
    with transaction.atomic():
        if unchanged.filter(Q(size_as_of=None) | Q(size_as_of__lt=segment.size_as_of)).update(**sizes):
            record_sizes([segment])


def renew(segment: AudienceSegment, size: Size) -> None:
    """Give the segment a size that was counted now, and keep it where it differs from the one it had."""
    before = segment.computed_size, segment.size_revision
    set_size(segment, size)
    if (segment.computed_size, segment.size_revision) != before:
        keep_size(segment)


def keep_sizes(counted: Mapping[uuid.UUID, tuple[int, Size]]) -> None:
    """Store sizes of definitions that are still the ones they were counted with, history where they differ."""
    fresh, different = [], []
    with transaction.atomic():
        for segment in AudienceSegment.objects.select_for_update().filter(pk__in=counted).order_by("pk"):
            revision, size = counted[segment.pk]
            if segment.revision != revision or (segment.size_as_of and segment.size_as_of >= size.as_of):
                continue
            before = segment.computed_size
            set_size(segment, size)
            fresh.append(segment)
            if segment.computed_size != before:
                different.append(segment)
        AudienceSegment.objects.bulk_create(
            fresh, update_conflicts=True, unique_fields=["id"], update_fields=SIZE_COLUMNS
        )
        record_sizes(different)


def set_size(segment: AudienceSegment, size: Size) -> None:
    """Give the segment its computed size, or none where there is no clause to compute it from."""
    segment.computed_size = segment.size_as_of = segment.size_revision = None
    if segment.is_computable or segment.management_type == AudienceSegment.ManagementType.SYSTEMMANAGED:
        segment.computed_size, segment.size_as_of, segment.size_revision = size.size, size.as_of, segment.revision


def record_sizes(segments: Iterable[AudienceSegment]) -> None:
    """Add the computed sizes to their segments' histories."""
    SegmentSize.objects.bulk_create(
        SegmentSize(segment=segment, size=segment.computed_size, revision=segment.revision, as_of=segment.size_as_of)
        for segment in segments
        if segment.computed_size is not None and segment.size_as_of is not None
    )
