"""The page on which staff send a file: it is tried first, and nothing of it stays."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.helpers import AdminForm
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from segments import tasks
from segments.admin.import_form import FIELDSETS, FileForm, kinds_for
from segments.admin.import_sending import Receiver
from segments.admin.pages import actor
from segments.importing.asking import options_of
from segments.importing.resuming import KEPT
from segments.models import Import


class UploadPage(admin.ModelAdmin):  # type: ignore[type-arg]
    """The part of the imports' admin that takes files."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(kinds_for(request.user))

    @method_decorator(csrf_exempt)  # the token comes in the body, whose file is received first; `take` is protected
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """The form; who may not send a file is told so before any of it is read."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        receiver = Receiver(request)
        request.upload_handlers = [receiver]
        try:
            return csrf_protect(self.take)(request)
        finally:
            sent = {each.name for each in receiver.sent}
            wanted = Import.objects.filter(upload__in=sent).values_list("upload", flat=True) if sent else ()
            receiver.discard_but(set(wanted))

    def take(self, request: HttpRequest) -> HttpResponse:
        """Have the file that was sent tried by the worker."""
        if request.method != "POST":
            return self.ask(request, FileForm(request.user))
        form = FileForm(request.user, request.POST, request.FILES)
        if not form.is_valid():
            return self.ask(request, form)
        kind, file = form.cleaned_data["kind"], form.cleaned_data["file"]
        with transaction.atomic():
            asked = form.asked() | ({} if request.user.has_perm("segments.add_owner") else {"known_owners": True})
            options = options_of(kind, asked, dry_run=True)
            row = tasks.import_later(kind, str(file.name), file.kept, options, actor(request))
        return redirect("admin:segments_import_change", row.pk)

    def ask(self, request: HttpRequest, form: FileForm) -> HttpResponse:
        """The form, empty or with what is wrong with it; browsers forget the file that was chosen."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Import a file"),
            "form": form,
            "adminform": AdminForm(form, FIELDSETS, {}),  # type: ignore[arg-type]  # any form does
            "media": self.media + form.media,
            "most": settings.A2_IMPORT_MAX_MB,
            "days": KEPT.days,
        }
        return TemplateResponse(request, "admin/segments/import/add.html", context)
