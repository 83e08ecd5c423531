"""The list of segments: what each selects, how many, how that went lately, and whether anything is wrong with it."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from segments import attention
from segments.admin.plots import Point, spark
from segments.admin.segment_filters import without_use
from segments.admin.segment_words import SOURCES
from segments.matching import clauses_of, compile_all
from segments.models import AudienceSegment, SegmentSize
from segments.templatetags.shown import ago, grouped
from segments.wording import describe

DRAWN = timedelta(days=30)
POINTS = 40
SIZE = SegmentSize._meta.db_table
LATEST_SIZES = f"""
    SELECT size.* FROM unnest(%s::uuid[]) AS asked (id) CROSS JOIN LATERAL (
        SELECT * FROM {SIZE} WHERE segment_id = asked.id ORDER BY as_of DESC, id DESC LIMIT {POINTS}
    ) AS size ORDER BY as_of, size.id"""


class SegmentList(ChangeList):
    """A page of segments with all that its columns say; everything is read once for all of them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        segments: list[Any] = list(self.result_list)
        drawn = sparks(segments, timezone.now())
        listed = AudienceSegment.objects.filter(pk__in=[each.pk for each in segments])
        unused, fallen = set(without_use(listed)), set(attention.fallen(listed).values_list("pk", flat=True))
        meanings = compile_all(list(map(clauses_of, segments)))
        for segment, meaning in zip(segments, meanings, strict=True):
            segment.meaning, segment.spark = meaning, drawn[segment.pk]
            segment.unused, segment.fallen = segment.pk in unused, segment.pk in fallen
        self.result_list = segments  # type: ignore[assignment]

    def url_for_result(self, result: Any) -> str:
        return reverse("admin:segments_audiencesegment_overview", args=[result.pk])


class SegmentColumns(admin.ModelAdmin):  # type: ignore[type-arg]
    """What the columns of the list say."""

    @admin.display(description=gettext_lazy("owner"), ordering="owner__name")
    def owner_name(self, segment: AudienceSegment) -> str:
        return segment.owner.name

    @admin.display(description=gettext_lazy("selects"))
    def selects(self, segment: Any) -> str:
        return describe(segment.meaning, _)

    @admin.display(description=gettext_lazy("size"), ordering="computed_size")
    def size(self, segment: AudienceSegment) -> str | None:
        return None if segment.approximated_size is None else grouped(segment.approximated_size)

    @admin.display(description=gettext_lazy("30 days"))
    def lately(self, segment: Any) -> str:
        return format_html(
            '<svg class="a2-spark" viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">'
            '<path class="a2-line-edge" d="{}"/></svg>',
            segment.spark,
        )

    @admin.display(description=gettext_lazy("counted"), ordering="size_as_of")
    def counted(self, segment: AudienceSegment) -> str | None:
        if segment.size_source != "computed" or segment.size_as_of is None:
            return str(SOURCES[segment.size_source]) if segment.size_source == "declared" else None
        return ago(segment.size_as_of)

    @admin.display(description=gettext_lazy("status"))
    def status(self, segment: Any) -> str:
        return format_html_join(" ", '<span class="a2-state">{}</span>', ([told] for told in statuses(segment))) or _(
            "good"
        )


def statuses(segment: Any) -> Iterable[str]:
    """What is to be said of a segment of the list, in words."""
    if segment.fallen:
        yield _("fell by a third in a day")
    if segment.size_source == "computed" and segment.computed_size == 0:
        yield _("reaches nobody")
    if count := len(segment.meaning.warnings):
        yield ngettext("%d warning", "%d warnings", count) % count
    if segment.unused:
        yield _("not used for 90 days")


def sparks(segments: Iterable[AudienceSegment], now: datetime) -> dict[Any, str]:
    """For each its sizes of the last days as a small line, from one statement for all of them."""
    points: dict[Any, list[Point]] = defaultdict(list)
    for row in SegmentSize.objects.raw(LATEST_SIZES, [[segment.pk for segment in segments]]):
        points[row.segment_id].append(Point(row.as_of, row.size))
    return {segment.pk: spark(lately(points[segment.pk], now - DRAWN), now - DRAWN, now) for segment in segments}


def lately(points: list[Point], begin: datetime) -> list[Point]:
    """The points from a moment on, and the one that held at it."""
    later = [point for point in points if point.at >= begin]
    return [*points[len(points) - len(later) - 1 : len(points) - len(later)], *later]
