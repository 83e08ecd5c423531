"""The pages of one import: how far it is, what became of its lines, and what can be done about it."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Q
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path
from django.urls.resolvers import URLPattern
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from segments import tasks
from segments.admin import import_words
from segments.admin.import_form import kinds_for
from segments.admin.pages import actor
from segments.importing import background, uploads
from segments.importing.resuming import KEPT, forget
from segments.models import Import, Owner

PLACE = "segments_import"
PAGE = 50
CUT_OFF = (Import.State.PAUSED, Import.State.FAILED, Import.State.STOPPED)


class ImportPages(admin.ModelAdmin):  # type: ignore[type-arg]
    """The part of the imports' admin that shows one import."""

    def get_urls(self) -> list[URLPattern]:
        pages: dict[str, Callable[..., HttpResponseBase]] = {
            "progress": require_safe(self.progress),
            "apply": require_POST(self.apply),
            "stop": require_POST(self.stop),
            "resume": require_POST(self.resume),
            "discard": require_http_methods(["GET", "POST"])(self.discard),
        }
        own = [
            path(f"<int:import_id>/{name}/", self.admin_site.admin_view(view), name=f"{PLACE}_{name}")
            for name, view in pages.items()
        ]
        rejects = self.admin_site.admin_view(require_safe(self.rejects))
        return [
            *own,
            path("<int:import_id>/rejects/<str:form>/", rejects, name=f"{PLACE}_rejects"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """What there is to say of it, and the buttons for those who may import such files."""
        row = self.get_object(request, object_id)
        if not self.has_view_permission(request, row) or request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined,no-any-return]
        context = {**self.admin_site.each_context(request), **about(row), **state_of(row)}
        if row.is_over:
            context |= outcome(row, request.GET.get("page", "1"))
        context |= possible(request, row)
        return TemplateResponse(request, "admin/segments/import/page.html", context)

    def progress(self, request: HttpRequest, import_id: int) -> JsonResponse:
        """How far it is, for the script that shows it again and again."""
        row = self.seen(request, import_id)
        panel = "" if row.is_over else render_to_string("admin/segments/import/progress.html", state_of(row), request)
        return JsonResponse({"over": row.is_over, "state": row.state, "panel": panel})

    def rejects(self, request: HttpRequest, import_id: int, form: str) -> HttpResponseBase:
        """The lines that were rejected, to be mended, or the report on them, as the commands write the two."""
        row = self.seen(request, import_id)
        file, name = uploads.report(row) if form == "report" else uploads.lines(row)
        try:
            return FileResponse(file.open("rb"), as_attachment=True, filename=name)
        except OSError:
            messages.error(request, _("The rejected lines are not kept any more."))
            return redirect(f"admin:{PLACE}_change", row.pk)

    def apply(self, request: HttpRequest, import_id: int) -> HttpResponse:
        """Import for real the very file that was tried."""
        with transaction.atomic():
            tried = self.held(request, import_id)
            if not can_be_applied(tried):
                messages.error(request, _("This file cannot be imported any more. Send it again."))
                return redirect(f"admin:{PLACE}_change", tried.pk)
            options = background.options_for(tried, dry_run=False)
            row = tasks.import_later(tried.kind, tried.file, tried.upload, options, actor(request), tried)
        return redirect(f"admin:{PLACE}_change", row.pk)

    def stop(self, request: HttpRequest, import_id: int) -> HttpResponse:
        """Have it stopped: what it is just writing is finished, and nothing written by halves."""
        with transaction.atomic():
            row = self.held(request, import_id)
            if can_be_stopped(row):
                background.stop(row, str(actor(request)), at_work=tasks.is_at_work(row))
            else:
                messages.error(request, _("It is over, or was begun by a command: that is stopped where it runs."))
        return redirect(f"admin:{PLACE}_change", row.pk)

    def resume(self, request: HttpRequest, import_id: int) -> HttpResponse:
        """Go on where it was stopped or broke off."""
        with transaction.atomic():
            row = self.held(request, import_id)
            if can_be_resumed(row):
                background.go_on(row)
                tasks.defer(row, actor(request))
            else:
                messages.error(request, _("It cannot go on: its file is not kept any more. Send it again."))
        return redirect(f"admin:{PLACE}_change", row.pk)

    def discard(self, request: HttpRequest, import_id: int) -> HttpResponse:
        """Remove the file and its rejected lines before their time, when that is confirmed."""
        with transaction.atomic():
            row = self.held(request, import_id)
            if not can_be_discarded(row):
                messages.error(request, _("There is no file to remove, or an import of it is at work."))
            elif request.method != "POST":
                context = {**self.admin_site.each_context(request), **about(row)}
                return TemplateResponse(request, "admin/segments/import/discard.html", context)
            else:
                uploads.discard(row.upload)
                forget(row.upload)
                messages.success(request, _("The file is removed, and the lines of it that were rejected."))
        return redirect(f"admin:{PLACE}_change", row.pk)

    def seen(self, request: HttpRequest, import_id: int) -> Import:
        """The import, for those who may look at imports."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return get_object_or_404(Import, pk=import_id)

    def held(self, request: HttpRequest, import_id: int) -> Import:
        """The import, locked, for those who may import such files."""
        row = self.seen(request, import_id)
        if row.kind not in kinds_for(request.user):
            raise PermissionDenied
        # All that have to do with its file: a dry run and the import after it share one.
        rows = Import.objects.select_for_update().filter(Q(pk=row.pk) | Q(upload=row.upload) & ~Q(upload=""))
        return next(each for each in rows.order_by("pk") if each.pk == row.pk)


def can_be_applied(row: Import) -> bool:
    """Whether it was tried, and not imported since."""
    is_tried = row.dry_run and row.state == Import.State.DONE
    return is_tried and uploads.is_kept(row) and not row.imports.exists()


def can_be_stopped(row: Import) -> bool:
    return bool(row.upload) and not row.is_over


def can_be_resumed(row: Import) -> bool:
    """Whether it did not come to its end, and its file is there."""
    return row.state in CUT_OFF and uploads.is_kept(row)


def can_be_discarded(row: Import) -> bool:
    """Whether there is anything of it, and nobody at work on it."""
    return uploads.is_anything_kept(row) and all(each.is_over for each in Import.objects.filter(upload=row.upload))


def about(row: Import) -> dict[str, Any]:
    """What the head of its pages shows."""
    owner = Owner.objects.filter(pk=row.owner_id).first() if row.owner_id else None
    return {"row": row, "owner": owner, "opts": Import._meta, "title": row.file, "options": import_words.options(row)}


def state_of(row: Import) -> dict[str, Any]:
    """How it stands."""
    is_queued = row.state == Import.State.QUEUED
    return {
        "row": row,
        "summary": import_words.summary(row),
        "took": import_words.took(row),
        "standing": None if row.is_over else import_words.standing(row),
        "waits_for": import_words.waits_for(row) if is_queued else "",
        "nobody_works": is_queued and not tasks.somebody_works(),
    }


def outcome(row: Import, page: str) -> dict[str, Any]:
    """What became of its lines."""
    buckets = import_words.receipt(row)
    rejects = Paginator(row.rejects.order_by("line", "id"), PAGE).get_page(page)
    for reject in rejects:
        reject.told = import_words.told(row, import_words.reason_of(reject))  # type: ignore[attr-defined]
    return {
        "why_not": import_words.told(row, row.reason),
        "buckets": buckets,
        "width": import_words.width(buckets),
        "reasons": import_words.reasons(row),
        "rejects": rejects,
        "lines_kept": uploads.lines(row)[0].is_file() if row.upload else False,
    }


def possible(request: HttpRequest, row: Import) -> dict[str, Any]:
    """What the reader can do about it now."""
    may_act = row.kind in kinds_for(request.user)
    return {
        "followed_by": row.imports.first(),
        "can_be_applied": may_act and can_be_applied(row),
        "can_be_stopped": may_act and can_be_stopped(row),
        "can_be_resumed": may_act and can_be_resumed(row),
        "can_be_discarded": may_act and can_be_discarded(row),
        "is_kept": uploads.is_kept(row),
        "kept_until": row.finished_at + KEPT if row.finished_at else None,
    }
