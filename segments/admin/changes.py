"""The audit trail in the admin."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from segments.admin.forms import written
from segments.admin.pages import ReadOnlyAdmin
from segments.models import Change

KINDS = {
    "segment": _("segment"),
    "attribute": _("attribute"),
    "value": _("value"),
    "audience": _("audience"),
    "owner": _("owner"),
    "client": _("client"),
    "token": _("token"),
    "staff": _("staff"),
}


class OfKind(admin.SimpleListFilter):
    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(kind, str(name)) for kind, name in KINDS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Change]) -> QuerySet[Change]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Change)
class ChangeAdmin(ReadOnlyAdmin):
    list_display = ["at", "actor", "action", "kind_name", "label"]
    list_filter = [OfKind, "action", "at"]
    search_fields = ["=object_id", "label", "actor"]
    fields = ["at", "actor", "action", "kind_name", "object_id", "label", "was", "became"]

    @admin.display(description=_("kind"), ordering="kind")
    def kind_name(self, change: Change) -> str:
        return str(KINDS.get(change.kind, change.kind))

    @admin.display(description=_("before"))
    def was(self, change: Change) -> str:
        return format_html("<pre>{}</pre>", written(change.before))

    @admin.display(description=_("after"))
    def became(self, change: Change) -> str:
        return format_html("<pre>{}</pre>", written(change.after))
