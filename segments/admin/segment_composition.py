"""The composition of a segment as a page: how its members differ from everyone, the most telling attributes first."""

from typing import Any

from django.http import HttpRequest

from segments.composition import Composition, Spread, composition
from segments.models import AudienceAttribute, AudienceSegment

ATTRIBUTES, VALUES = 24, 8
VALUES_OF_ONE = 100
ABOVE, BELOW = 120, 80


def context(request: HttpRequest, segment: AudienceSegment) -> dict[str, Any]:
    visible = AudienceAttribute.objects.visible_to(segment.owner_id).order_by("no")
    code = request.GET.get("attribute", "")
    chosen = visible.filter(code=code).first() if code and "\0" not in code else None
    attributes = [chosen] if chosen else list(visible[:ATTRIBUTES])
    found = composition(segment, attributes, VALUES_OF_ONE if chosen else VALUES)
    return {
        "composition": found,
        "spreads": [shown(found, spread) for spread in sorted(found.spreads, key=lambda each: rank(found, each))],
        "chosen": chosen,
        "attributes": list(visible.values_list("code", "name")[:1000]),
    }


def rank(found: Composition, spread: Spread) -> tuple[bool, float]:
    """What the clauses themselves say comes last: everybody knows it already."""
    return spread.named, -found.tells(spread)


def shown(found: Composition, spread: Spread) -> dict[str, Any]:
    """A spread as its template reads it; bars of one attribute have one scale."""
    widest = max((share for part in spread.parts for share in shares(found, part)), default=0)
    parts = []
    for part in spread.parts:
        inside, outside = shares(found, part)
        index = found.index(part)
        kind = "" if index is None or BELOW <= index <= ABOVE else "more" if index > ABOVE else "less"
        parts.append({"part": part, "inside": inside, "outside": outside, "index": index, "kind": kind})
    return {"attribute": spread.attribute, "named": spread.named, "parts": parts, "widest": widest}


def shares(found: Composition, part: Any) -> tuple[float, float]:
    return (part.members / found.size if found.size else 0, part.everyone / found.total if found.total else 0)
