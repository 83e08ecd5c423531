"""How much a segment overlaps with others: with each as a picture, and all of them as a matrix."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from segments.admin.segment_search import found_by
from segments.matching import Overlap, overlap
from segments.models import AudienceSegment

USUAL, MOST, OFFERED = 5, 9, 8


def context(request: HttpRequest, segment: AudienceSegment) -> dict[str, Any]:
    asked = request.GET.get("q", "").strip()
    numbers = [
        int(text) for text in request.GET.getlist("with") if text.isascii() and text.isdecimal() and len(text) < 19
    ]
    others = AudienceSegment.objects.exclude(pk=segment.pk)
    chosen = list(others.filter(no__in=numbers).order_by("no")[:MOST])
    offered = list(found_by(others, asked).exclude(no__in=numbers).order_by("no")[:OFFERED]) if asked else []
    if len(offered) == 1:
        chosen, offered = [*chosen, *offered][:MOST], []
    is_usual = not chosen and not asked
    compared = list(usual(others, segment)) if is_usual else chosen
    found = overlap([segment, *compared])
    return {
        "asked": asked,
        "offered": offered,
        "is_usual": is_usual,
        "numbers": [other.no for other in chosen],
        "size": found.sizes[0][1],
        "as_of": found.as_of,
        **pictures(found),
    }


def usual(others: QuerySet[AudienceSegment], segment: AudienceSegment) -> QuerySet[AudienceSegment]:
    """The largest ones of the same owner."""
    return others.filter(owner=segment.owner_id, computed_size__gt=0).order_by("-computed_size", "no")[:USUAL]


def pictures(found: Overlap) -> dict[str, Any]:
    """Each other one beside the first, all in one scale; and the shares of each in each."""
    sizes = {one.pk: size for one, size in found.sizes}
    both = {frozenset((pair.first.pk, pair.second.pk)): pair.intersection for pair in found.pairs}
    first, size = found.sizes[0]
    rows: list[dict[str, Any]] = []
    for other, other_size in found.sizes[1:]:
        shared = both[frozenset((first.pk, other.pk))]
        rows.append(
            {"other": other, "size": other_size, "both": shared, "only": size - shared, "rest": other_size - shared}
        )
    segments = [one for one, _size in found.sizes]
    matrix = [
        {"segment": one, "size": sizes[one.pk], "cells": [cell(one, other, sizes, both) for other in segments]}
        for one in segments
    ]
    return {
        "rows": rows,
        "widest": max((row["only"] + row["both"] + row["rest"] for row in rows), default=0),
        "matrix": matrix,
    }


def cell(one: AudienceSegment, other: AudienceSegment, sizes: dict[Any, int], both: dict[Any, int]) -> dict[str, Any]:
    """How many of the first are in the other; `heat` is that share in tenths."""
    shared = sizes[one.pk] if one.pk == other.pk else both[frozenset((one.pk, other.pk))]
    whole = sizes[one.pk]
    return {
        "same": one.pk == other.pk,
        "both": shared,
        "whole": whole,
        "heat": round(10 * shared / whole) if whole else 0,
    }
