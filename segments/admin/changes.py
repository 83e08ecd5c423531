"""The audit trail in the admin."""

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from segments.admin.forms import written
from segments.admin.pages import ReadOnlyAdmin
from segments.models import Change


@admin.register(Change)
class ChangeAdmin(ReadOnlyAdmin):
    list_display = ["at", "actor", "action", "kind", "label"]
    list_filter = ["kind", "action", "at"]
    search_fields = ["=object_id", "label", "actor"]
    fields = ["at", "actor", "action", "kind", "object_id", "label", "was", "became"]

    @admin.display(description=_("before"))
    def was(self, change: Change) -> str:
        return format_html("<pre>{}</pre>", written(change.before))

    @admin.display(description=_("after"))
    def became(self, change: Change) -> str:
        return format_html("<pre>{}</pre>", written(change.after))
