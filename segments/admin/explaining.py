"""Why an audience is in a segment or is not, in words: for the page of an audience."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from segments.border import unsafe
from segments.lookup import INDEX
from segments.matching import Explanation, explanations
from segments.models import AudienceAttribute, AudienceAttributeValue, AudienceSegment
from segments.store.audiences import Properties

EXPLAINED = 100
Names = Mapping[tuple[str, str], str]
"""What people read for a value, and under the empty text for the attribute itself; only where that is another."""


@dataclass(frozen=True)
class Line:
    """One clause as people read it; `has` is empty where the audience has no value of the attribute."""

    attribute: str
    code: str
    excluded: bool
    wanted: list[str]
    has: list[str]
    passes: bool


@dataclass(frozen=True)
class Why:
    """A segment, and clause by clause why the audience is in it or is not."""

    segment: AudienceSegment
    member: bool
    lines: list[Line]


@dataclass(frozen=True)
class Memberships:
    """The segments that an audience is in, the first of them explained, as they were at `as_of`."""

    as_of: datetime
    count: int
    explained: list[Why]


def memberships(audience_id: str) -> Memberships:
    (looked,) = INDEX.look_up([audience_id])
    rows = AudienceSegment.objects.in_bulk([found.id for found in looked.segments[:EXPLAINED]])
    segments = [rows[found.id] for found in looked.segments[:EXPLAINED] if found.id in rows]
    return Memberships(looked.as_of, len(looked.segments), why(segments, audience_id))


def why(segments: Sequence[AudienceSegment], audience_id: str) -> list[Why]:
    """Why the audience is in each of these segments or is not; AudienceMissing when there is no such audience."""
    found = explanations(segments, audience_id)
    names = names_of((clause.code, (*clause.wanted, *clause.has)) for one in found for clause in one.clauses)
    return [Why(segment, one.member, lines(one, names)) for segment, one in zip(segments, found, strict=True)]


def lines(explanation: Explanation, names: Names) -> list[Line]:
    return [
        Line(
            names.get((clause.code, ""), clause.code),
            clause.code,
            clause.excluded,
            worded(clause.code, clause.wanted, names),
            worded(clause.code, clause.has, names),
            clause.passes,
        )
        for clause in explanation.clauses
    ]


def worded(code: str, texts: Iterable[str], names: Names) -> list[str]:
    """The values by their labels, each with the value itself where that is another."""
    return [f"{names[code, text]} ({text})" if (code, text) in names else text for text in texts]


def names_of(listed: Iterable[tuple[str, Iterable[str]]]) -> Names:
    """The names of these codes and of the values under each."""
    wanted = {(code, text) for code, texts in listed for text in texts}
    attributes = AudienceAttribute.objects.filter(code__in={code for code, _text in wanted})
    names = {(each.code, ""): each.name for each in attributes}
    rows = AudienceAttributeValue.objects.filter(attribute__in=attributes).with_texts({text for _code, text in wanted})
    labels = rows.exclude(name="").values_list("attribute__code", "value", "name")
    return {**names, **{(code, value): name for code, value, name in labels if name != value}}


def described(properties: Properties) -> list[Line]:
    """What an audience has, attribute by attribute."""
    names = names_of(properties.items())
    return [
        Line(names.get((code, ""), code), code, False, [], worded(code, properties[code], names), True)
        for code in sorted(properties)
    ]


def asked(text: str) -> tuple[AudienceSegment | None, str]:
    """The segment that somebody names by its no or id, or a sentence that there is none."""
    wanted = text.strip()
    segments = AudienceSegment.objects.all()
    if wanted.isascii() and wanted.isdecimal() and len(wanted) < 19:
        found = segments.filter(no=int(wanted)).first()
    else:
        segment_id = as_uuid(wanted)
        found = segments.filter(pk=segment_id).first() if segment_id else None
    if found is None:
        shown: Any = "" if unsafe(wanted) else wanted[:60]
        return None, _("There is no segment with the no or id '%s'. Both stand on its page.") % shown
    return found, ""


def as_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
