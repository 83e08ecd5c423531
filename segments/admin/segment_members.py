"""The members of a segment as a page: is somebody one, a few of them, and all of them as a file."""

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from segments.admin import explaining
from segments.border import unsafe
from segments.exceptions import AudienceMissing
from segments.labels import listing
from segments.matching import clauses_of, compile_all
from segments.models import AudienceSegment
from segments.store import store

DRAWN = 20


def context(request: HttpRequest, segment: AudienceSegment) -> dict[str, Any]:
    asked = request.GET.get("audience_id", "")
    shown: dict[str, Any] = {"asked": asked, **sample(segment)}
    if asked:
        shown |= answer(segment, asked)
    return shown


def answer(segment: AudienceSegment, audience_id: str) -> dict[str, Any]:
    """Why this audience is a member or is not, or that there is no such audience."""
    missing = _("There is no audience with the id '%s'. Ids are matched letter by letter.")
    if unsafe(audience_id):
        return {"missing": missing % ""}
    try:
        return {"why": explaining.why([segment], audience_id)[0]}
    except AudienceMissing:
        return {"missing": missing % audience_id[:128]}


def sample(segment: AudienceSegment) -> dict[str, Any]:
    """Some members with what they have of the attributes that the segment is about, all from one view."""
    with store().snapshot() as view:
        meaning = compile_all([clauses_of(segment)])[0]
        size, ids = view.count(meaning.tree), view.sample(meaning.tree, DRAWN)
        profiles = store().get(ids)
    codes = list(dict.fromkeys(clause.code for clause in meaning.clauses))
    rows = [
        {
            "id": each,
            "has": "; ".join(
                f"{code}: {listing(texts)}" for code in codes if (texts := profiles[each].properties.get(code))
            ),
        }
        for each in ids
        if each in profiles
    ]
    return {"size": size, "as_of": view.as_of, "members": rows, "is_all": size == len(rows)}
