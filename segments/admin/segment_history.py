"""What was changed in a segment, by whom, and the way back to any version of it."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from segments.labels import label_text, listing, quoted
from segments.models import AudienceSegment, Change, Owner

SHOWN = 20
FIELDS = {
    "name": gettext_lazy("name"),
    "owner_id": gettext_lazy("owner"),
    "management_type": gettext_lazy("management type"),
    "description": gettext_lazy("description"),
    "properties": gettext_lazy("include"),
    "exclusions": gettext_lazy("leave out"),
    "declared_size": gettext_lazy("declared size"),
    "deprecated_properties": gettext_lazy("deprecated properties"),
}


def context(request: HttpRequest, segment: AudienceSegment) -> dict[str, Any]:
    page = Paginator(changes_of(segment), SHOWN).get_page(request.GET.get("page"))
    owners = Owner.objects.in_bulk(owners_in(page.object_list))
    newest = changes_of(segment).values_list("pk", flat=True).first()
    entries = [
        {
            "change": change,
            "lines": list(differences(change, owners)),
            "is_newest": change.pk == newest,
            "can_undo": change.action == Change.Action.CHANGED,
        }
        for change in page.object_list
    ]
    may_restore = request.user.has_perm("segments.change_audiencesegment")
    return {"entries": entries, "page": page, "may_restore": may_restore}


def changes_of(segment: AudienceSegment) -> Any:
    return Change.objects.filter(kind="segment", object_id=str(segment.pk)).order_by("-pk")


def owners_in(changes: Any) -> set[uuid.UUID]:
    named = (side.get("owner_id") for change in changes for side in (change.before, change.after))
    return {uuid.UUID(owner_id) for owner_id in named if owner_id}


def differences(change: Change, owners: Mapping[uuid.UUID, Owner]) -> Any:
    """Line by line what was there before and what came after; clause by clause for what has clauses."""
    for name, label in FIELDS.items():
        before, after = change.before.get(name), change.after.get(name)
        if name not in change.before and name not in change.after:
            continue
        if isinstance(before or {}, dict) and isinstance(after or {}, dict) and (before or after):
            for code in dict.fromkeys([*(before or {}), *(after or {})]):
                was, became = ((side or {}).get(code) for side in (before, after))
                if was != became:
                    yield {"label": label, "code": code, "was": told(was), "became": told(became)}
        elif name == "owner_id":
            yield {"label": label, "was": owner_name(before, owners), "became": owner_name(after, owners)}
        elif before or after:
            yield {"label": label, "was": told(before), "became": told(after)}


def owner_name(owner_id: str | None, owners: Mapping[uuid.UUID, Owner]) -> str:
    if not owner_id:
        return ""
    owner = owners.get(uuid.UUID(owner_id))
    return owner.name if owner else owner_id


def told(value: Any) -> str:
    """A value of a field in words; nothing for nothing."""
    if value is None or value == "":
        return ""
    if not isinstance(value, list):
        return str(value) if isinstance(value, str | int | float) else quoted(value)
    if not value:
        return _("an empty list")
    return listing([label_text(each) or quoted(each) for each in value], _)


def version(segment: AudienceSegment, last_kept: int) -> dict[str, Any]:
    """The fields as they were after this change, of those that later ones touched: for `definitions.update`."""
    values: dict[str, Any] = {}
    later = changes_of(segment).filter(pk__gt=last_kept, action=Change.Action.CHANGED)
    for before in later.values_list("before", flat=True):
        values |= {name: before[name] for name in FIELDS if name in before}
    if "owner_id" in values:
        values["owner_id"] = uuid.UUID(values["owner_id"])
    return values
