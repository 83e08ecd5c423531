"""What staff do to many segments at once, and the list as a file."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import cache
from itertools import islice
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe

from segments import definitions, tallying
from segments.admin.pages import actor
from segments.contract import LONGEST_NAME
from segments.definitions import TRACKED, Draft
from segments.matching import clauses_of, compile_all
from segments.models import AudienceSegment
from segments.moments import rfc3339
from segments.sizing import recount
from segments.templatetags.shown import grouped
from segments.wording import describe

AT_ONCE = 1_000
MONTH = timedelta(days=30)
COLUMNS = ("no", "id", "name", "owner", "owner_id", "management_type", "size", "source", "as_of", "selects", "warnings")
FORMULA = ("=", "+", "-", "@", "\t")


class SegmentActions(admin.ModelAdmin):  # type: ignore[type-arg]
    """The actions of the list, and its CSV."""

    actions = ["recompute", "duplicate", "export_definitions"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_safe(self.list_as_csv))
        return [path("csv/", view, name="segments_audiencesegment_csv"), *super().get_urls()]

    @admin.action(description=gettext_lazy("Recompute the sizes"), permissions=["change"])
    def recompute(self, request: HttpRequest, queryset: QuerySet[AudienceSegment]) -> None:
        before = dict(queryset.values_list("pk", "computed_size"))
        rows = AudienceSegment.objects.filter(pk__in=before)
        recount(rows)
        changed = sum(before[pk] != size for pk, size in rows.values_list("pk", "computed_size"))
        told = ngettext("%(count)s size was counted.", "%(count)s sizes were counted.", len(before))
        more = _("%(changed)s changed.")
        words = {"count": grouped(len(before)), "changed": grouped(changed)}
        messages.success(request, f"{told % words} {more % words}")

    @admin.action(description=gettext_lazy("Duplicate"), permissions=["add"])
    def duplicate(self, request: HttpRequest, queryset: QuerySet[AudienceSegment]) -> None:
        drafts = [Draft(copy_of(segment)) for segment in self.whole(request, queryset)]
        definitions.create(drafts, actor(request))
        told = ngettext("%s copy was made.", "%s copies were made.", len(drafts))
        messages.success(request, told % grouped(len(drafts)))

    @admin.action(description=gettext_lazy("Export the definitions as JSON Lines"), permissions=["view"])
    def export_definitions(self, request: HttpRequest, queryset: QuerySet[AudienceSegment]) -> HttpResponseBase:
        """As `import_segments` reads them."""
        lines = (json.dumps(definition(each), ensure_ascii=False) + "\n" for each in self.whole(request, queryset))
        return as_file(lines, "application/x-ndjson", "segments.ndjson")

    def whole(self, request: HttpRequest, queryset: QuerySet[AudienceSegment]) -> list[AudienceSegment]:
        """Those that no retirement took a clause from: without it, another one like it would select more."""
        whole = list(queryset.filter(retired_codes=[]))
        left_out = queryset.count() - len(whole)
        if left_out:
            told = _("Left out, as a retired attribute took a clause from them: %s. Save them again first.")
            messages.warning(request, told % grouped(left_out))
        return whole

    def list_as_csv(self, request: HttpRequest) -> HttpResponseBase:
        """The list as it is filtered and ordered, all of it."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        try:
            rows = self.get_changelist_instance(request).get_queryset(request)
        except IncorrectLookupParameters:
            return redirect(f"{reverse('admin:segments_audiencesegment_changelist')}?e=1")
        return as_file(csv_lines(rows.select_related("owner").iterator(AT_ONCE)), "text/csv", "segments.csv")

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What goes with each, and who would miss it; the audit trail stays."""
        segments: list[Any] = list(
            AudienceSegment.objects.filter(pk__in=[each.pk for each in objs]).annotate(kept=Count("sizes"))
        )
        since = timezone.now().date() - MONTH
        numbers = [each.no for each in segments]
        uses = {kind: tallying.used(kind, numbers, since) for kind in (tallying.LOOKED_UP, tallying.EXPORTED)}
        told = _(
            "%(name)s (no %(no)s), with %(sizes)s sizes of its history; "
            "in 30 days looked up %(looked)s times, exported %(exported)s times"
        )
        lines = [
            told
            % {
                "name": each.name,
                "no": each.no,
                "sizes": grouped(each.kept),
                "looked": grouped(uses[tallying.LOOKED_UP][str(each.no)].times),
                "exported": grouped(uses[tallying.EXPORTED][str(each.no)].times),
            }
            for each in segments
        ]
        return lines, {self.opts.verbose_name_plural: grouped(len(lines))}, set(), []


def copy_of(segment: AudienceSegment) -> dict[str, Any]:
    """The fields of a new segment like this one, under a name that says so."""
    values = {name: getattr(segment, name) for name in TRACKED if name != "declared_size"}
    name = (_("Copy of %s") % segment.name)[:LONGEST_NAME]
    return {**values, "name": name, "approximated_size": segment.declared_size}


def definition(segment: AudienceSegment) -> dict[str, Any]:
    """The segment as a line of a file of segments; a size that is computed is no part of what it is."""
    names = ("no", "name", "management_type", "properties", "exclusions", "deprecated_properties", "description")
    fields = {name: getattr(segment, name) for name in names}
    moments = {name: rfc3339(getattr(segment, name)) for name in ("created_at", "updated_at")}
    size = {"approximated_size": segment.declared_size}
    return {"id": str(segment.pk), "owner_id": str(segment.owner_id), **fields, **size, **moments}


def csv_lines(segments: Iterator[AudienceSegment]) -> Iterator[str]:
    """The header, and a line for each segment, compiled so many at a time."""
    yield line(COLUMNS)
    said = cache(_)  # the same few words, ten thousand times
    while some := list(islice(segments, AT_ONCE)):
        meanings = compile_all(list(map(clauses_of, some)))
        yield "".join(
            line(
                [
                    *(each.no, each.pk, each.name, each.owner.name, each.owner_id, each.management_type),
                    *(each.approximated_size, each.size_source, each.size_as_of and rfc3339(each.size_as_of)),
                    *(describe(meaning, said), " ".join(fault.detail for fault in meaning.warnings)),
                ]
            )
            for each, meaning in zip(some, meanings, strict=True)
        )


def line(cells: Sequence[Any]) -> str:
    """A line of CSV; what a spreadsheet would run as a formula stands behind an apostrophe."""
    told = ["" if cell is None else str(cell) for cell in cells]
    text = io.StringIO()
    csv.writer(text).writerow([f"'{cell}" if cell.startswith(FORMULA) else cell for cell in told])
    return text.getvalue()


def as_file(lines: Iterable[str], media_type: str, name: str) -> HttpResponse | StreamingHttpResponse:
    response = StreamingHttpResponse(lines, content_type=f"{media_type}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
