"""The history of sizes in the admin."""

from django.contrib import admin

from segments.admin.pages import ReadOnlyAdmin
from segments.models import SegmentSize


@admin.register(SegmentSize)
class SizeAdmin(ReadOnlyAdmin):
    list_display = ["segment", "size", "as_of", "revision"]
    list_select_related = ["segment"]
    search_fields = ["=segment__id", "segment__name"]
    fields = ["segment", "size", "as_of", "revision"]
