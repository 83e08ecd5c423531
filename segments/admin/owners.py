"""Owners in the admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from segments.admin.forms import ShapeText
from segments.admin.pages import Findable, record
from segments.contract import LONGEST_NAME
from segments.models import AudienceAttribute, AudienceSegment, Change, Client, Owner
from segments.shapes import Text
from segments.templatetags.shown import grouped

NAME = Text(about="The name for people.", shortest=1, longest=LONGEST_NAME, visible=True)


class OwnerForm(forms.ModelForm):  # type: ignore[type-arg]
    name = ShapeText(NAME, label=_("Name"))

    class Meta:
        model = Owner
        fields = ["id", "name"]


@admin.register(Owner)
class OwnerAdmin(Findable):
    form = OwnerForm
    list_display = ["name", "id", "segment_count", "attribute_count", "created_at"]
    search_fields = ["name__nfc", "=id"]
    readonly_fields = ["created_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Owner]:
        owners = super().get_queryset(request)
        counts = {"segments_count": count_of(AudienceSegment), "attributes_count": count_of(AudienceAttribute)}
        return owners.annotate(**counts)  # type: ignore[no-any-return]

    def get_readonly_fields(self, request: HttpRequest, obj: Owner | None = None) -> list[str]:
        return ["created_at"] if obj is None else ["id", "created_at"]

    def save_model(self, request: HttpRequest, obj: Owner, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            record(request, Change.Action.CREATED, "owner", obj, {}, {"name": obj.name})
        elif form.changed_data:
            record(request, Change.Action.CHANGED, "owner", obj, {"name": form.initial["name"]}, {"name": obj.name})

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What would go, and what stands against it: a client must not be left without the owners it acts for."""
        gone, counts, needed, protected = super().get_deleted_objects(objs, request)
        acting = Client.objects.filter(owners__in=objs).distinct()
        return gone, counts, needed, [*protected, *(_("Client: %s") % client.name for client in acting)]

    def delete_model(self, request: HttpRequest, obj: Owner) -> None:
        record(request, Change.Action.DELETED, "owner", obj, {"name": obj.name})
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Owner]) -> None:
        for owner in queryset:
            self.delete_model(request, owner)

    @admin.display(description=_("segments"), ordering="segments_count")
    def segment_count(self, owner: Owner) -> str:
        return grouped(owner.segments_count)  # type: ignore[attr-defined]

    @admin.display(description=_("attributes"), ordering="attributes_count")
    def attribute_count(self, owner: Owner) -> str:
        return grouped(owner.attributes_count)  # type: ignore[attr-defined]


def count_of(model: type[Model]) -> Coalesce:
    """How many rows of the model are the owner's; a subquery, which PostgreSQL runs for the listed owners alone."""
    rows = model._default_manager.filter(owner=OuterRef("pk")).order_by().values("owner")
    return Coalesce(Subquery(rows.annotate(count=Count("pk")).values("count")), 0)
