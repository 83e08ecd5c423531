"""The first page of a segment: how many it selects, since when, by which clauses, and who uses it."""

import json
import shlex
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from segments import tallying
from segments.admin.builder import shown
from segments.admin.plots import Point, plot
from segments.admin.segment_words import SOURCES
from segments.funnel import funnel
from segments.matching import Size, clauses_of
from segments.models import AudienceSegment, SegmentSize
from segments.sizing import renew

SPANS = {"7": 7, "30": 30, "90": 90, "365": 365}
USUAL = "90"
MOST_POINTS = 5_000
HOUR = timedelta(hours=1)
USES = (tallying.LOOKED_UP, tallying.EXPORTED)
USED_WITHIN = timedelta(days=30)
WITH_TOKEN = '--header "Authorization: Bearer $TOKEN"'  # noqa: S105 the shell fills it in


def context(request: HttpRequest, segment: AudienceSegment) -> dict[str, Any]:
    found = funnel(clauses_of(segment))
    renew(segment, Size(found.size, found.as_of))
    span = request.GET.get("days", USUAL)
    span = span if span in SPANS else USUAL
    since = timezone.now().date() - USED_WITHIN
    used = {kind: tallying.used(kind, [segment.no], since)[str(segment.no)] for kind in USES}
    return {
        **shown(found),
        "with_faults": True,
        "source": SOURCES.get(segment.size_source or ""),
        "is_computed": segment.size_source == "computed",
        "plot": history(segment, found.as_of - timedelta(days=SPANS[span]), found.as_of),
        "spans": SPANS,
        "span": span,
        "is_young": segment.created_at > timezone.now() - tallying.KEPT,
        "looked_up": used[tallying.LOOKED_UP],
        "exported": used[tallying.EXPORTED],
        "curl": curl(request, segment),
        "deprecated": json.dumps(segment.deprecated_properties, ensure_ascii=False, indent=2),
    }


def history(segment: AudienceSegment, begin: datetime, end: datetime) -> Any:
    """The sizes that were counted between two moments, with the one that held at the first of them."""
    rows = SegmentSize.objects.filter(segment=segment)
    within = list(rows.filter(as_of__gte=begin, as_of__lte=end).order_by("-as_of", "-pk")[:MOST_POINTS])
    before = list(rows.filter(as_of__lt=begin).order_by("-as_of", "-pk")[:1])
    points = [Point(row.as_of, row.size, row.revision) for row in (*before, *reversed(within))]
    if len(points) == 1 and points[0].at > end - HOUR:
        return None  # at the right edge of an hour there would be nothing to see
    young = bool(points) and points[0].at > begin
    return plot(points, min(points[0].at, end - HOUR) if young else begin, end)


def curl(request: HttpRequest, segment: AudienceSegment) -> list[str]:
    """The requests that read this segment, stream its members, and make the same one."""
    place = request.build_absolute_uri(reverse("index")) + "audiences/segments"
    names = ("name", "description", "properties", "exclusions", "management_type")
    body = {**{name: getattr(segment, name) for name in names}, "owner_id": str(segment.owner_id)}
    sent = shlex.quote(json.dumps(body, ensure_ascii=False))
    # Without the clause that a retirement took away, another one like it would select more.
    copying = [f"curl {WITH_TOKEN} --header 'Content-Type: application/json' --data {sent} {place}"]
    return [
        f"curl {WITH_TOKEN} {place}/{segment.pk}",
        f"curl {WITH_TOKEN} --header 'Accept: text/csv' --output members.csv {place}/{segment.pk}/audiences",
        *([] if segment.retired_codes else copying),
    ]
