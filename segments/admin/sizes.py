"""The history of sizes in the admin."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from segments.admin.pages import ReadOnlyAdmin
from segments.models import SegmentSize
from segments.templatetags.shown import grouped


@admin.register(SegmentSize)
class SizeAdmin(ReadOnlyAdmin):
    list_display = ["segment", "members", "as_of", "revision"]
    list_select_related = ["segment"]
    search_fields = ["=segment__id", "segment__name"]
    fields = ["segment", "members", "as_of", "revision"]

    @admin.display(description=_("size"), ordering="size")
    def members(self, row: SegmentSize) -> str:
        return grouped(row.size)
