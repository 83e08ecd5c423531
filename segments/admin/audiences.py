"""Audiences in the admin, through the store like everybody else."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from segments import audiences
from segments.admin import explaining
from segments.admin.forms import ContractForm, JSONText, ShapeText
from segments.admin.pages import BoundedPaginator, ContractAdmin, WholeDeletion, record
from segments.contract import AUDIENCE, read_audience
from segments.labels import listing
from segments.models import Audience, Change
from segments.shapes import Reading
from segments.store import ProfileChange, store

KIND = "audience"


class AudienceForm(ContractForm):
    id = ShapeText(AUDIENCE.fields["id"], label=_("Id"))
    id_type = ShapeText(AUDIENCE.fields["id_type"], label=_("Id type"), required=False)
    alt_id = JSONText(label=_("Other ids"))
    properties = JSONText(
        label=_("Properties"), empty={}, help_text=_('Values by attribute code, as JSON: {"gender": ["F"]}.')
    )

    class Meta:
        model = Audience
        fields = ["id", "id_type", "alt_id", "properties"]

    def read(self, value: dict[str, Any]) -> Reading:
        return read_audience({"id": self.instance.pk, **value, "id_type": value["id_type"] or None})

    def clean_id(self) -> str:
        audience_id: str = self.cleaned_data["id"]
        if store().get([audience_id]):
            raise ValidationError(_("There is an audience with this id already."), "audience_exists")
        return audience_id


@admin.register(Audience)
class AudienceAdmin(ContractAdmin, WholeDeletion):
    form = AudienceForm
    list_display = ["id", "id_type", "has", "updated_at"]
    search_fields = ["id"]
    search_help_text = _("The id, or how it begins.")
    sortable_by = []
    list_per_page = 50
    show_full_result_count = False
    paginator = BoundedPaginator
    exclude = ["number"]
    change_form_template = "admin/segments/audience/form.html"

    def get_fields(self, request: HttpRequest, obj: Audience | None = None) -> Any:
        """What cannot be changed is told in words above; JSON is for those who change it."""
        fields = super().get_fields(request, obj)
        may_change = obj is None or self.has_change_permission(request, obj)
        return fields if may_change else [name for name in fields if name not in {"properties", "seen"}]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any) -> Any:
        shown = options.get("obj")
        if shown is not None and request.method == "GET":
            context["about"] = about(request, shown)
        return super().render_change_form(request, context, *args, **options)

    def get_readonly_fields(self, request: HttpRequest, obj: Audience | None = None) -> list[str]:
        return [] if obj is None else ["id", "created_at", "updated_at"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Audience], search_term: str
    ) -> tuple[QuerySet[Audience], bool]:
        """By the beginning of the id, which the primary key's index finds among millions."""
        return queryset.filter(pk__startswith=search_term) if search_term else queryset, False

    def save_model(self, request: HttpRequest, obj: Audience, form: Any, change: bool) -> None:
        values = form.changed() if change else form.reading.values
        before = {name: form.initial[name] for name in values} if change else {}
        if change:
            audiences.upsert([ProfileChange(id=obj.pk, **values)], strict=settings.A2_STRICT)
        else:
            audiences.create(ProfileChange(**values), strict=settings.A2_STRICT)
            obj.pk = values["id"]
        record(request, Change.Action.CHANGED if change else Change.Action.CREATED, KIND, obj, before, values)

    def delete_model(self, request: HttpRequest, obj: Audience) -> None:
        self.delete_queryset(request, Audience.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Audience]) -> None:
        gone = list(queryset)
        store().erase([audience.pk for audience in gone])
        for audience in gone:
            record(request, Change.Action.DELETED, KIND, audience, {"properties": audience.properties})

    @admin.display(description=_("properties"))
    def has(self, audience: Audience) -> str:
        told = (f"{code}: {listing(values)}" for code, values in sorted(audience.properties.items()))
        return Truncator("; ".join(told)).chars(160)


def about(request: HttpRequest, audience: Audience) -> dict[str, Any]:
    """The audience in words, and its segments to those who may look at segments; one that is asked for by itself."""
    shown: dict[str, Any] = {"properties": explaining.described(audience.properties)}
    if not request.user.has_perm("segments.view_audiencesegment"):
        return shown
    found = explaining.memberships(audience.pk)
    shown |= {"memberships": found, "more": found.count - len(found.explained)}
    if wanted := request.GET.get("segment", ""):
        segment, shown["missing"] = explaining.asked(wanted)
        shown |= {"asked": wanted, "answer": explaining.why([segment], audience.pk)[0] if segment else None}
    return shown
