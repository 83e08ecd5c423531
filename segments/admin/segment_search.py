"""Finding segments by what staff have of one: no, id, a part of its name, its owner's or an attribute's."""

import contextlib
import uuid

from django.db.models import Q

from segments.labels import nfc
from segments.models import AudienceAttribute, AudienceSegment, Owner
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
    asked |= Q(pk__in=AudienceSegment.objects.found_by_code(text, *codes_with(text)).values("pk"))
    return segments.filter(asked)


def codes_with(text: str) -> list[str]:
    """The codes of the attributes in whose code or name the text is; read first, as an index needs to have them."""
    part = nfc(text)
    named = AudienceAttribute.objects.filter(Q(code__icontains=part) | Q(name__nfc__icontains=part))
    return list(named.values_list("code", flat=True))
