"""Imports in the admin: sending a file, and what became of every line."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from segments.admin import import_words
from segments.admin.import_pages import ImportPages
from segments.admin.import_upload import UploadPage
from segments.admin.pages import ReadOnlyAdmin
from segments.models import Import, ImportReject
from segments.templatetags.shown import grouped


@admin.register(Import)
class ImportAdmin(ImportPages, UploadPage, ReadOnlyAdmin):
    list_display = ["what", "how", "state", "started_at", "took", "line_count", "rejected_count", "actor"]
    list_filter = ["kind", "state", "dry_run", "started_at"]
    search_fields = ["file", "actor"]
    change_list_template = "admin/segments/import/change_list.html"

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return super().changelist_view(request, {"title": _("Imports"), **(extra_context or {})})

    @admin.display(description=gettext_lazy("file"), ordering="file")
    def what(self, row: Import) -> str:
        return str(row)

    @admin.display(description=gettext_lazy("how"), ordering="dry_run")
    def how(self, row: Import) -> str:
        if row.dry_run:
            return format_html('<span class="a2-state">{}</span>', _("dry run"))
        return _("for real")

    @admin.display(description=gettext_lazy("took"))
    def took(self, row: Import) -> str:
        return import_words.took(row)

    @admin.display(description=gettext_lazy("lines"), ordering="lines")
    def line_count(self, row: Import) -> str:
        return grouped(row.lines)

    @admin.display(description=gettext_lazy("rejected"), ordering="rejected")
    def rejected_count(self, row: Import) -> str:
        return grouped(row.rejected)


@admin.register(ImportReject)
class RejectAdmin(ReadOnlyAdmin):
    list_display = ["of_import", "where", "column", "code", "value", "reason"]
    list_select_related = ["of_import"]
    list_filter = ["code"]
    search_fields = ["=of_import__id", "value", "reason"]
    fields = ["of_import", "where", "column", "code", "value", "reason"]
    # By the id: by the import itself would be by its own order turned round, the oldest first.
    ordering = ["-of_import_id", "line", "id"]

    @admin.display(description=gettext_lazy("line"), ordering="line")
    def where(self, reject: ImportReject) -> str:
        return grouped(reject.line)
