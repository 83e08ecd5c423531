"""The pages that change the catalogue under the segments that use it: first what it would do, then the doing."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from segments import retiring
from segments.admin.forms import told
from segments.admin.pages import actor
from segments.exceptions import SegmentsError
from segments.models import AudienceAttribute, Owner
from segments.previews import Preview, Touched
from segments.templatetags.shown import grouped

Done = TypeVar("Done", bound=Preview)

SHOWN = 100  # to count one takes about a millisecond
SEEING_SEGMENTS = "segments.view_audiencesegment"


class RetiringPages(admin.ModelAdmin):  # type: ignore[type-arg]
    """Retire an attribute: the link stands on its page."""

    change_form_template = "admin/segments/audienceattribute/form.html"

    def get_urls(self) -> list[URLPattern]:
        retire = self.admin_site.admin_view(self.retire)
        return [path("<uuid:object_id>/retire/", retire, name="segments_audienceattribute_retire"), *super().get_urls()]

    def retire(self, request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
        attribute = get_object_or_404(AudienceAttribute, pk=object_id)
        self.require_permissions(request, attribute)
        if request.method != "POST":
            shown = self.previewed(retiring.preview(attribute.pk, SHOWN))
            return self.page(request, attribute, "retire.html", _("Retire %s?") % attribute.code, **shown)
        done = self.attempt(
            request, lambda: retiring.retire(attribute.pk, actor(request), request.POST.get("seen", ""), 0)
        )
        if done is None:
            return redirect(request.get_full_path())
        count = len(done.revisions)
        words = ngettext(
            "Retired %(code)s. %(count)s segment selects nobody until it is saved again.",
            "Retired %(code)s. %(count)s segments select nobody until they are saved again.",
            count,
        )
        messages.success(request, words % {"code": attribute.code, "count": grouped(count)})
        return redirect("admin:segments_audienceattribute_change", attribute.pk)

    def require_permissions(self, request: HttpRequest, attribute: AudienceAttribute) -> None:
        """PermissionDenied to whoever may not change attributes, or not see the segments that these pages name."""
        if not (self.has_change_permission(request, attribute) and request.user.has_perm(SEEING_SEGMENTS)):
            raise PermissionDenied

    def attempt(self, request: HttpRequest, act: Callable[[], Done]) -> Done | None:
        """What was done, or None after saying why it was not."""
        try:
            return act()
        except SegmentsError as refusal:
            for sentence in told(refusal):
                messages.error(request, sentence)
            return None

    def previewed(self, preview: Preview) -> dict[str, Any]:
        """What a page lists of what would come of it, for a button to do it."""
        return {
            "preview": preview,
            "rows": rows(preview.segments[:SHOWN]),
            "count": len(preview.revisions),
            "more": len(preview.revisions) - SHOWN,
            "named": urlencode({"q": preview.attribute.code}),
        }

    def page(
        self, request: HttpRequest, attribute: AudienceAttribute, template: str, title: str, **context: Any
    ) -> HttpResponse:
        """A page of an attribute."""
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "original": attribute, "title": title}
        return TemplateResponse(request, f"admin/segments/audienceattribute/{template}", {**shared, **context})


def rows(segments: Sequence[Touched]) -> list[dict[str, Any]]:
    """The segments as the page lists them."""
    owners = dict(Owner.objects.filter(pk__in={touched.owner_id for touched in segments}).values_list("pk", "name"))
    return [
        {
            "address": reverse("admin:segments_audiencesegment_change", args=[touched.id]),
            "name": touched.name,
            "no": touched.no,
            "owner": owners.get(touched.owner_id, touched.owner_id),
            "before": grouped(touched.size_before),
            "after": grouped(touched.size_after),
        }
        for touched in segments
    ]
