"""The pages that rename a value or merge it into another: the texts first, then what it would do, then the doing."""

import uuid
from typing import Any, ClassVar
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from segments import renaming, settling
from segments.admin.forms import ShapeText, message, told
from segments.admin.pages import actor
from segments.admin.retiring import RetiringPages
from segments.contract import MERGING, RENAMING
from segments.exceptions import SegmentsError
from segments.labels import quoted
from segments.models import AudienceAttribute
from segments.recounting import worker_runs
from segments.renaming import Asked, RenamePreview
from segments.shapes import Field
from segments.tasks import settle_later

SUGGESTED = 200


def value_text(shape: Field, label: Any) -> ShapeText:
    """A field for a value's text, with the first values to choose from."""
    return ShapeText(shape, label=label, widget=AdminTextInputWidget(attrs={"list": "a2-values"}))


class RenamingForm(forms.Form):
    """A value, and the text that it is to have."""

    merges: ClassVar[bool] = False
    page: ClassVar[str] = "rename"
    second: ClassVar[str] = "to"

    value = value_text(RENAMING.fields["value"], gettext_lazy("Value"))
    to = ShapeText(RENAMING.fields["to"], label=gettext_lazy("New text"))

    def asked(self, attribute: AudienceAttribute) -> Asked:
        return Asked(attribute.pk, self.cleaned_data["value"], self.cleaned_data[self.second], self.merges)

    def add_refusal(self, refusal: SegmentsError) -> None:
        """Show why it cannot be done, at the field that it is about."""
        for fault in refusal.faults:
            self.add_error(fault.pointer.lstrip("/"), message(fault))
        for sentence in () if refusal.faults else told(refusal):
            self.add_error(None, sentence)


class MergingForm(RenamingForm):
    """A value, and the other one that it is to become one with."""

    merges, page, second = True, "merge", "into"

    to = None  # type: ignore[assignment]  # as Django has it, to leave a field out
    into = value_text(MERGING.fields["into"], gettext_lazy("Merge it into"))


class RenamingPages(RetiringPages):
    """Rename and merge values of an attribute: the links stand on its page, and on those of its values."""

    def get_urls(self) -> list[URLPattern]:
        views = {
            "rename": lambda request, object_id: self.change_value(request, object_id, RenamingForm),
            "merge": lambda request, object_id: self.change_value(request, object_id, MergingForm),
            "rewriting": require_safe(self.rewriting),
        }
        own = [
            path(
                f"<uuid:object_id>/{name}/", self.admin_site.admin_view(view), name=f"segments_audienceattribute_{name}"
            )
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def change_value(self, request: HttpRequest, object_id: uuid.UUID, kind: type[RenamingForm]) -> HttpResponse:
        """Ask for the texts; with them, tell what it would do; confirmed, by one who was told, do it."""
        attribute = get_object_or_404(AudienceAttribute, pk=object_id)
        self.require_permissions(request, attribute)
        sent = request.POST if request.method == "POST" else request.GET
        form = kind(sent if kind.second in sent else None, initial={"value": sent.get("value", "")})
        if not form.is_valid():
            return self.ask_for_texts(request, attribute, form)
        asked = form.asked(attribute)
        if "seen" not in request.POST:
            return self.tell(request, attribute, form)
        done = self.attempt(request, lambda: renaming.confirm(asked, actor(request), settle_later, sent["seen"]))
        if done is None:
            texts = {"value": asked.value, kind.second: asked.into}
            return redirect(f"{request.path}?{urlencode(texts)}")
        return self.done(request, done)

    def ask_for_texts(
        self, request: HttpRequest, attribute: AudienceAttribute, form: RenamingForm, **context: Any
    ) -> HttpResponse:
        values = attribute.values.current().order_by("value")
        title = _("Merge a value of %s") if form.merges else _("Rename a value of %s")
        context = {"form": form, "suggested": values.values_list("value", "name")[:SUGGESTED], **context}
        return self.page(request, attribute, "value.html", title % attribute.code, **context)

    def tell(self, request: HttpRequest, attribute: AudienceAttribute, form: RenamingForm) -> HttpResponse:
        """What it would do, or why it cannot be done."""
        try:
            preview = renaming.preview(form.asked(attribute))
        except SegmentsError as refusal:
            form.add_refusal(refusal)
            return self.ask_for_texts(request, attribute, form)
        resized = sum(touched.size_before != touched.size_after for touched in preview.segments)
        return self.ask_for_texts(request, attribute, form, resized=resized, **self.previewed(preview))

    def done(self, request: HttpRequest, done: RenamePreview) -> HttpResponse:
        """Say what was done; where audiences are left to a worker, show how it gets on."""
        words = {"old": quoted(done.asked.value), "new": quoted(done.asked.into), "code": done.attribute.code}
        messages.success(request, _("%(old)s of %(code)s is read as %(new)s from now on.") % words)
        if done.left:
            address = reverse("admin:segments_audienceattribute_rewriting", args=[done.attribute.pk])
            return redirect(f"{address}?of={done.left}")
        return redirect("admin:segments_audienceattribute_change", done.attribute.pk)

    def rewriting(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
        """How many audiences have an older text yet, of so many at the beginning."""
        attribute = get_object_or_404(AudienceAttribute, pk=object_id)
        if not self.has_view_permission(request, attribute):
            raise PermissionDenied
        left = settling.unsettled(attribute)
        began = request.GET.get("of", "")
        total = max(int(began) if began.isascii() and began.isdigit() and len(began) < 12 else 0, left)
        context = {"left": left, "total": total, "rewritten": total - left, "worker": worker_runs()}
        return self.page(request, attribute, "rewriting.html", _("Rewriting audiences"), **context)
