"""Segments in the admin: what each one selects, in words, and how many."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy

from segments import definitions, recounting
from segments.admin.builder import SegmentBuilder
from segments.admin.forms import ContractForm, JSONText, Lines, ShapeText
from segments.admin.pages import BoundedPaginator, ContractAdmin, actor
from segments.admin.segment_actions import SegmentActions
from segments.admin.segment_filters import AfterRetirement, NeedsAttention, NotUsed, OwnedBy
from segments.admin.segment_list import SegmentColumns, SegmentList
from segments.admin.segment_pages import SegmentPages
from segments.admin.segment_search import found_by
from segments.admin.segment_words import tell
from segments.contract import SEGMENT, read_segment
from segments.definitions import Defined, Draft
from segments.matching import Clauses, clauses_of, compile_all, sizes_of
from segments.models import AudienceSegment
from segments.shapes import Reading

MEANING = {"owner_id", "properties", "exclusions"}


class SegmentForm(ContractForm):
    contract_names = {"owner": "owner_id", "declared_size": "approximated_size"}

    name = ShapeText(SEGMENT.fields["name"], label=gettext_lazy("Name"))
    management_type = forms.ChoiceField(
        label=gettext_lazy("Management type"),
        choices=AudienceSegment.ManagementType.choices,
        initial=AudienceSegment.ManagementType.SYSTEMMANAGED,
        help_text=gettext_lazy("A self-managed segment shows the size that its owner declares, if it declares one."),
    )
    properties = JSONText(
        label=gettext_lazy("Properties"),
        empty={},
        help_text=gettext_lazy(
            'Whom it selects, as JSON: {"gender": ["F"], "region": ["north", "east"]} '
            "are those who have one of the values listed under every code."
        ),
    )
    exclusions = JSONText(
        label=gettext_lazy("Exclusions"),
        empty={},
        help_text=gettext_lazy("Whom it leaves out, in the same form: any one of these values is enough."),
    )
    deprecated_properties = JSONText(
        label=gettext_lazy("Deprecated properties"),
        empty={},
        help_text=gettext_lazy("Kept for the record; they select nobody."),
    )
    description = Lines(label=gettext_lazy("Description"))

    class Meta:
        model = AudienceSegment
        fields = [
            "name",
            "owner",
            "management_type",
            "description",
            "properties",
            "exclusions",
            "declared_size",
            "deprecated_properties",
        ]
        help_texts = {"declared_size": gettext_lazy("What its owner says; shown when the segment is self-managed.")}

    def read(self, value: dict[str, Any]) -> Reading:
        reading = read_segment(value)
        if settings.A2_STRICT and not reading.faults:
            clauses = Clauses(*(reading.values[name] for name in ("owner_id", "properties", "exclusions")))
            reading.faults.extend(compile_all([clauses])[0].warnings)
        return reading


@admin.register(AudienceSegment)
class SegmentAdmin(ContractAdmin, SegmentActions, SegmentBuilder, SegmentPages, SegmentColumns):
    form = SegmentForm
    list_display = ["name", "no", "owner_name", "selects", "size", "lately", "counted", "status"]
    list_filter = [OwnedBy, "management_type", AfterRetirement, NotUsed, NeedsAttention]
    change_list_template = "admin/segments/audiencesegment/change_list.html"
    paginator = BoundedPaginator
    list_select_related = ["owner"]
    list_per_page = 50
    search_fields = ["name"]
    search_help_text = gettext_lazy(
        "A part of its name, of its owner's, or of the code or name of an attribute it uses; its whole id or no."
    )
    autocomplete_fields = ["owner"]
    show_full_result_count = False
    fieldsets = [
        (None, {"fields": ["name", "owner", "management_type", "description", "seen"]}),
        (
            gettext_lazy("Whom it selects"),
            {"fields": ["properties", "exclusions"], "classes": ["a2-definition"]},
        ),
        (
            gettext_lazy("For the record"),
            {"fields": ["declared_size", "deprecated_properties"], "classes": ["collapse"]},
        ),
    ]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AudienceSegment], search_term: str
    ) -> tuple[QuerySet[AudienceSegment], bool]:
        return found_by(queryset, search_term.strip()), False  # type: ignore[arg-type]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The list, and why its sizes may be old."""
        if request.method == "GET" and (told := recounting.trouble()):
            messages.warning(request, told)
        return super().changelist_view(request, extra_context)

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return SegmentList

    def get_fieldsets(self, request: HttpRequest, obj: AudienceSegment | None = None) -> Any:
        left_out = [] if self.has_change_permission(request, obj) else ["seen"]
        return [
            (title, {**options, "fields": [name for name in options["fields"] if name not in left_out]})
            for title, options in self.fieldsets
        ]

    def save_model(self, request: HttpRequest, obj: AudienceSegment, form: Any, change: bool) -> None:
        draft = Draft(changes(obj, form) if change else form.reading.values)
        if not draft.values:
            return
        # Counted now, too: what it was when it was last counted is not what the change did.
        redefined = change and not MEANING.isdisjoint(draft.values)
        before = sizes_of([clauses_of(obj)])[0][1].size if redefined else None
        defined = definitions.update(obj.pk, draft, actor(request)) if change else create(draft, request)
        obj.__dict__.update(defined.segment.__dict__)
        tell(request, defined, before)

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return redirect("admin:segments_audiencesegment_overview", obj.pk)

    response_post_save_add = response_post_save_change

    def delete_model(self, request: HttpRequest, obj: AudienceSegment) -> None:
        definitions.delete([obj.pk], actor(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[AudienceSegment]) -> None:
        definitions.delete(list(queryset.values_list("pk", flat=True)), actor(request))


def changes(segment: AudienceSegment, form: SegmentForm) -> dict[str, Any]:
    """What the form changes; after a retirement it says of the properties, as they stand in it, that they are to be."""
    again = {"properties": form.reading.values["properties"]} if segment.retired_codes else {}
    return {**form.changed(), **again}


def create(draft: Draft, request: HttpRequest) -> Defined:
    return definitions.create([draft], actor(request))[0]
