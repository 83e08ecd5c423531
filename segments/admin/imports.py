"""Imports in the admin: what became of every line."""

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from segments.admin.forms import written
from segments.admin.pages import ReadOnlyAdmin
from segments.models import Import, ImportReject

SHOWN = 100
COUNTS = ["lines", "created", "updated", "unchanged", "duplicate", "suppressed", "rejected"]


@admin.register(Import)
class ImportAdmin(ReadOnlyAdmin):
    list_display = ["started_at", "kind", "file", "state", "dry_run", "lines", "rejected", "created", "updated"]
    list_filter = ["kind", "state", "dry_run", "started_at"]
    search_fields = ["file", "actor"]
    fieldsets = [
        (
            None,
            {"fields": ["kind", "file", "state", "reason", "dry_run", "actor", "started_at", "finished_at", "asked"]},
        ),
        (gettext_lazy("Receipt"), {"fields": [*COUNTS, "why"]}),
        (gettext_lazy("Rejected lines"), {"fields": ["rejects_file", "first_rejects"]}),
    ]

    @admin.display(description=gettext_lazy("options"))
    def asked(self, row: Import) -> str:
        return format_html("<pre>{}</pre>", written(row.options))

    @admin.display(description=gettext_lazy("rejected by code"))
    def why(self, row: Import) -> str:
        return format_html("<pre>{}</pre>", written(row.reasons))

    @admin.display(description=gettext_lazy("the first of them"))
    def first_rejects(self, row: Import) -> str:
        rejects = row.rejects.order_by("line", "id")[:SHOWN]
        if not rejects:
            return _("none")
        lines = ((each.line, each.column, each.code, each.value, each.reason) for each in rejects)
        head = (_("line"), _("column"), _("code"), _("value"), _("reason"))
        return format_html(
            "<table><tr>{}</tr>{}</table>",
            format_html_join("", "<th>{}</th>", ([title] for title in head)),
            format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", lines),
        )


@admin.register(ImportReject)
class RejectAdmin(ReadOnlyAdmin):
    list_display = ["of_import", "line", "column", "code", "value", "reason"]
    list_select_related = ["of_import"]
    list_filter = ["code"]
    search_fields = ["=of_import__id", "value", "reason"]
    fields = ["of_import", "line", "column", "code", "value", "reason"]
    # By the id: by the import itself would be by its own order turned round, the oldest first.
    ordering = ["-of_import_id", "line", "id"]
