"""Segments in the admin: what each one selects, in words, and how many."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db import OperationalError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from segments import definitions, recounting
from segments.admin.builder import SegmentBuilder
from segments.admin.forms import ContractForm, JSONText, Lines, ShapeText, placed
from segments.admin.home import NeedsAttention
from segments.admin.pages import ContractAdmin, WholeDeletion, actor
from segments.contract import SEGMENT, read_segment
from segments.definitions import Defined, Draft
from segments.expressions import Parsed
from segments.matching import Clauses, clauses_of, compile_all, sizes_of
from segments.models import AudienceSegment
from segments.shapes import Reading
from segments.templatetags.shown import ago, grouped
from segments.wording import describe

MEANING = {"owner_id", "properties", "exclusions"}
SOURCES = {"declared": gettext_lazy("declared"), "computed": gettext_lazy("computed")}


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


class AfterRetirement(admin.SimpleListFilter):
    """Segments that lost a clause when its attribute was retired, and select nobody until they are saved again."""

    title = gettext_lazy("retired clauses")
    parameter_name = "retired"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", _("to be saved again"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AudienceSegment]) -> QuerySet[AudienceSegment]:
        return queryset.exclude(retired_codes=[]) if self.value() == "yes" else queryset


class SegmentList(ChangeList):
    """A page of segments, each with its meaning; the catalogue is read once for all of them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        segments = list(self.result_list)
        for segment, meaning in zip(segments, compile_all(list(map(clauses_of, segments))), strict=True):
            segment.meaning = meaning  # type: ignore[attr-defined]
        self.result_list = segments  # type: ignore[assignment]


@admin.register(AudienceSegment)
class SegmentAdmin(ContractAdmin, WholeDeletion, SegmentBuilder):
    form = SegmentForm
    list_display = ["name", "no", "owner_name", "selects", "size", "source", "counted"]
    list_filter = ["management_type", NeedsAttention, AfterRetirement]
    list_select_related = ["owner"]
    list_per_page = 50
    search_fields = ["name", "owner__name", "=id", "=no"]
    search_help_text = gettext_lazy("A part of the name or of the owner's; a whole id or no.")
    autocomplete_fields = ["owner"]
    show_full_result_count = False
    fieldsets = [
        (None, {"fields": ["name", "owner", "management_type", "description", "seen"]}),
        (
            gettext_lazy("Whom it selects"),
            {"fields": ["properties", "exclusions", "selects", "warnings"], "classes": ["a2-definition"]},
        ),
        (gettext_lazy("Size"), {"fields": ["size", "source", "counted", "declared_size"]}),
        (
            gettext_lazy("For the record"),
            {
                "fields": ["deprecated_properties", "id", "no", "revision", "created_at", "updated_at"],
                "classes": ["collapse"],
            },
        ),
    ]
    readonly_fields = [
        *("selects", "warnings", "size", "source", "counted"),
        *("id", "no", "revision", "created_at", "updated_at"),
    ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """The list, and why its sizes may be old."""
        if request.method == "GET" and (told := recounting.trouble()):
            messages.warning(request, told)
        return super().changelist_view(request, extra_context)

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return SegmentList

    def get_fieldsets(self, request: HttpRequest, obj: AudienceSegment | None = None) -> Any:
        """A new segment has only what people fill in."""
        left_out = self.readonly_fields if obj is None else []
        if not self.has_change_permission(request, obj):
            left_out = [*left_out, "seen"]
        return [
            (title, {**options, "fields": [name for name in options["fields"] if name not in left_out]})
            for title, options in self.fieldsets
        ]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The segment; to whom only looks at it, with its size counted now, or else the last that was counted."""
        segment = super().get_object(request, object_id, from_field)
        if segment is not None and request.method == "GET" and self.has_view_or_change_permission(request, segment):
            try:
                definitions.refresh(segment)
            except OperationalError:
                messages.error(request, _("The size cannot be counted now; this is the last one that was."))
                return super().get_object(request, object_id, from_field)
        return segment

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

    def delete_model(self, request: HttpRequest, obj: AudienceSegment) -> None:
        definitions.delete([obj.pk], actor(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[AudienceSegment]) -> None:
        definitions.delete(list(queryset.values_list("pk", flat=True)), actor(request))

    @admin.display(description=gettext_lazy("owner"), ordering="owner__name")
    def owner_name(self, segment: AudienceSegment) -> str:
        return segment.owner.name

    @admin.display(description=gettext_lazy("selects"))
    def selects(self, segment: AudienceSegment) -> str:
        meaning = meaning_of(segment)
        words = describe(meaning, _)
        if not meaning.warnings:
            return words
        count = len(meaning.warnings)
        told = ngettext("%d warning", "%d warnings", count) % count
        return format_html('{} <span class="a2-warning">{}</span>', words, told)

    @admin.display(description=gettext_lazy("warnings"))
    def warnings(self, segment: AudienceSegment) -> str:
        warnings = meaning_of(segment).warnings
        shown = format_html_join("", '<p class="a2-warning">{}</p>', ([placed(warning)] for warning in warnings))
        return shown or _("none")

    @admin.display(description=gettext_lazy("size"))
    def size(self, segment: AudienceSegment) -> str | None:
        return None if segment.approximated_size is None else grouped(segment.approximated_size)

    @admin.display(description=gettext_lazy("source"))
    def source(self, segment: AudienceSegment) -> str | None:
        return str(SOURCES[segment.size_source]) if segment.size_source else None

    @admin.display(description=gettext_lazy("counted"))
    def counted(self, segment: AudienceSegment) -> str | None:
        if segment.size_source != "computed" or segment.size_as_of is None:
            return None
        return ago(segment.size_as_of)


def changes(segment: AudienceSegment, form: SegmentForm) -> dict[str, Any]:
    """What the form changes; after a retirement it says of the properties, as they stand in it, that they are to be."""
    again = {"properties": form.reading.values["properties"]} if segment.retired_codes else {}
    return {**form.changed(), **again}


def meaning_of(segment: AudienceSegment) -> Parsed:
    """What the segment's clauses mean now; its list has found out for the whole page."""
    if not hasattr(segment, "meaning"):
        segment.meaning = compile_all([clauses_of(segment)])[0]  # type: ignore[attr-defined]
    meaning: Parsed = segment.meaning  # type: ignore[attr-defined]
    return meaning


def create(draft: Draft, request: HttpRequest) -> Defined:
    return definitions.create([draft], actor(request))[0]


def tell(request: HttpRequest, defined: Defined, before: int | None = None) -> None:
    """Say the size of a segment that was saved, what it would be without that, and whatever is to be warned of."""
    segment = defined.segment
    size = segment.approximated_size or 0
    words = {
        "name": segment.name,
        "size": grouped(size),
        "before": grouped(before),
        "change": signed(size, before or 0),
    }
    if segment.size_source == "computed" and before is not None:
        told = _("“%(name)s” selects %(size)s audiences now; before the change it was %(before)s (%(change)s).")
    elif segment.size_source == "computed":
        told = _("“%(name)s” selects %(size)s audiences now.")
    elif segment.size_source == "declared":
        told = _("“%(name)s” shows the size that was declared: %(size)s.")
    else:
        told = _("“%(name)s” has no size: none was declared, and there are no properties to count by.")
    messages.info(request, told % words)
    for warning in defined.warnings:
        messages.warning(request, placed(warning))


def signed(now: int, before: int) -> str:
    """How many more or fewer, as ±0, +12 or −1,234."""
    sign = "±" if now == before else "+" if now > before else "−"
    return f"{sign}{grouped(abs(now - before))}"
