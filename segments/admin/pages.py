"""What the pages of several models share."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from django.shortcuts import redirect
from django.utils.functional import cached_property

from segments.admin.forms import told
from segments.exceptions import SegmentsError
from segments.labels import nfc
from segments.models import Change
from segments.models.changes import Actor


def actor(request: HttpRequest) -> Actor:
    """The member of staff who is acting."""
    return Actor(staff=request.user)  # type: ignore[arg-type]  # the admin lets nobody else in


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than it lets people turn pages: COUNT(*) over millions of rows takes seconds."""

    most = 10_000

    @cached_property
    def count(self) -> int:
        return int(self.object_list[: self.most].count())  # type: ignore[attr-defined]


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows that the service writes and people read."""

    show_full_result_count = False
    paginator = BoundedPaginator

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Findable(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows with names, which keyboards compose or leave in pieces; `search_fields` compare `name__nfc`."""

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        return super().get_search_results(request, queryset, nfc(search_term))


class ContractAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Pages of a `ContractForm`; a row is locked from the moment that a change of it is looked at."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        found = super().get_object(request, object_id, from_field)
        if found is not None and request.method == "POST" and transaction.get_connection().in_atomic_block:
            return self.model._default_manager.select_for_update().filter(pk=found.pk).first()
        return found

    def changeform_view(self, request: HttpRequest, *args: Any, **options: Any) -> Any:
        """The form; what was refused after the form had checked it, for somebody was faster, is told on it."""
        try:
            return super().changeform_view(request, *args, **options)
        except SegmentsError as error:
            for sentence in told(error):
                messages.error(request, sentence)
            return redirect(request.get_full_path())


class WholeDeletion(admin.ModelAdmin):  # type: ignore[type-arg]
    """For models whose own code deletes them with all that is theirs: the page asks about them alone."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        return [str(each) for each in objs], {self.opts.verbose_name_plural: len(objs)}, set(), []


def record(
    request: HttpRequest, action: Change.Action, kind: str, row: Model, before: Mapping[str, Any], after: Any = None
) -> None:
    """Write what staff did to the audit trail, in the transaction that every such page runs in."""
    change = Change(
        action=action, kind=kind, object_id=str(row.pk), label=str(row), before=dict(before), after=dict(after or {})
    )
    Change.objects.record(actor(request), [change])
