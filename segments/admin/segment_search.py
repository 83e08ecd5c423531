"""Finding segments by what staff have of one: no, id, a part of its name or its owner's, an attribute's code."""

import contextlib
import uuid

from django.db.models import Q

from segments.labels import nfc
from segments.models import AudienceSegment, Owner
from segments.models.segments import SegmentQuerySet

LONGEST_NO = 18


def found_by(segments: SegmentQuerySet, text: str) -> SegmentQuerySet:
    """Those of the segments that the text is about; nobody types NUL, which PostgreSQL cannot be asked for."""
    if not text or "\0" in text:
        return segments if not text else segments.none()
    asked = Q(name__nfc__icontains=nfc(text)) | Q(owner__in=Owner.objects.filter(name__nfc__icontains=nfc(text)))
    if text.isascii() and text.isdecimal() and len(text) <= LONGEST_NO:
        asked |= Q(no=int(text))
    with contextlib.suppress(ValueError):
        asked |= Q(pk=uuid.UUID(text))
    # In a query of its own: beside the others, the indexes on codes would not be used.
    asked |= Q(pk__in=AudienceSegment.objects.found_by_code(text).values("pk"))
    return segments.filter(asked)
