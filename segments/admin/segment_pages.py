"""The pages of one segment, side by side as tabs: each answers one kind of question."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from segments import definitions, tallying
from segments.admin import (
    segment_composition,
    segment_history,
    segment_members,
    segment_overlap,
    segment_overview,
)
from segments.admin.forms import placed
from segments.admin.pages import actor
from segments.admin.segment_words import tell
from segments.definitions import Draft
from segments.exceptions import SegmentsError
from segments.exporting import FORMATS, Started, export, in_turn
from segments.matching import clauses_of, sizes_of
from segments.models import AudienceSegment

Context = Callable[[HttpRequest, AudienceSegment], dict[str, Any]]
VIEW = "segments.view_audiencesegment"
PLACE = "segments_audiencesegment_"


@dataclass(frozen=True)
class Tab:
    """A page of a segment; `context` makes what its template shows, for those who have the permission."""

    name: str
    label: Any
    context: Context | None = None
    permission: str = VIEW

    @property
    def template(self) -> str:
        return f"admin/segments/audiencesegment/{self.name}.html"


TABS = (
    Tab("overview", _("Overview"), segment_overview.context),
    Tab("composition", _("Composition"), segment_composition.context),
    Tab("members", _("Members"), segment_members.context, "segments.view_audience"),
    Tab("overlap", _("Overlap"), segment_overlap.context),
    Tab("history", _("History"), segment_history.context),
    Tab("change", _("Edit"), permission="segments.change_audiencesegment"),
)


class Version(forms.Form):
    """Which version to restore: that after a change, or that before one; of the segment as its reader saw it."""

    after = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    revision = forms.IntegerField()

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not (cleaned.get("after") or cleaned.get("before")):
            raise ValidationError(_("Choose a version."))
        return cleaned

    def last_kept(self) -> int:
        """The changes after this one are taken back."""
        return int(self.cleaned_data["after"] or self.cleaned_data["before"] - 1)


class SegmentPages(admin.ModelAdmin):  # type: ignore[type-arg]
    """The part of the segments' admin that shows one segment."""

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(f"<uuid:segment_id>/{'' if tab.name == 'overview' else tab.name + '/'}", view, name=PLACE + tab.name)
            for tab, view in (
                (tab, self.admin_site.admin_view(require_safe(self.page_of(tab)))) for tab in TABS if tab.context
            )
            if tab.name != "history"
        ]
        restore, export = (
            self.admin_site.admin_view(view) for view in (require_POST(self.restore), require_safe(self.export))
        )
        return [
            *own,
            path("<uuid:segment_id>/restore/", restore, name=f"{PLACE}restore"),
            path("<uuid:segment_id>/export/<str:form>/", export, name=f"{PLACE}export"),
            *super().get_urls(),
        ]

    def page_of(self, tab: Tab) -> Callable[..., HttpResponse]:
        def page(request: HttpRequest, segment_id: uuid.UUID) -> HttpResponse:
            return self.tab_page(request, tab, str(segment_id))

        return page

    def tab_page(self, request: HttpRequest, tab: Tab, segment_id: str) -> HttpResponse:
        segment = self.get_object(request, segment_id)
        if not (self.has_view_or_change_permission(request, segment) and request.user.has_perm(tab.permission)):
            raise PermissionDenied
        if segment is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, segment_id)  # type: ignore[attr-defined,no-any-return]
        assert tab.context
        shown = {**self.admin_site.each_context(request), **about(request, segment, tab.name)}
        return TemplateResponse(request, tab.template, {**shown, **tab.context(request, segment)})

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """What was changed, from the audit trail, which knows of the API's changes, too."""
        return self.tab_page(request, next(tab for tab in TABS if tab.name == "history"), object_id)

    def restore(self, request: HttpRequest, segment_id: uuid.UUID) -> HttpResponse:
        """Give the segment its definition as it was after, or before, one of its changes; that is a change itself."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        back = redirect(f"admin:{PLACE}history", segment_id)
        form = Version(request.POST)
        try:
            with transaction.atomic():
                segment = AudienceSegment.objects.select_for_update().filter(pk=segment_id).first()
                if segment is None or not form.is_valid() or form.cleaned_data["revision"] != segment.revision:
                    messages.error(request, _("Somebody changed it meanwhile; nothing was restored. Look again."))
                    return back
                before = sizes_of([clauses_of(segment)])[0][1].size
                draft = Draft(segment_history.version(segment, form.last_kept()))
                restored = definitions.update(segment.pk, draft, actor(request), strict=settings.A2_STRICT)
        except SegmentsError as error:
            for told in [error.detail, *map(placed, error.faults)]:
                messages.error(request, told)
            return back
        tell(request, restored, before)
        return back

    def export(self, request: HttpRequest, segment_id: uuid.UUID, form: str) -> HttpResponseBase:
        """All the members as a file, as the API has it."""
        segment = get_object_or_404(AudienceSegment, pk=segment_id)
        if not (self.has_view_permission(request, segment) and request.user.has_perm("segments.view_audience")):
            raise PermissionDenied
        if form not in FORMATS:
            raise Http404
        try:
            file = Started(in_turn(export(segment, FORMATS[form])))
        except SegmentsError as error:
            messages.error(request, error.detail)
            return redirect(f"admin:{PLACE}members", segment_id)
        tallying.note(tallying.EXPORTED, segment.no)
        response = StreamingHttpResponse(file, content_type=f"{FORMATS[form].media_type}; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="segment-{segment.no}.{form}"'
        return response

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> Any:
        segment = options.get("obj")
        return super().render_change_form(
            request, {**context, **(about(request, segment, "change") if segment else {})}, *args, **options
        )


def about(request: HttpRequest, segment: AudienceSegment, current: str) -> dict[str, Any]:
    """What the head of each page of a segment shows."""
    tabs = [
        {
            "label": tab.label,
            "address": reverse(f"admin:{PLACE}{tab.name}", args=[segment.pk]),
            "current": tab.name == current,
        }
        for tab in TABS
        if request.user.has_perm(tab.permission)
    ]
    label = next(tab.label for tab in TABS if tab.name == current)
    return {"segment": segment, "tabs": tabs, "opts": AudienceSegment._meta, "title": f"{segment.name} · {label}"}
