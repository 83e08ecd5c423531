"""Retiring an attribute: no segment selects by it any more, and none becomes larger by that.

Its clauses move from `properties` to `deprecated_properties`. An *and* with one clause fewer would reach people
who were never meant, so each segment touched selects nobody until somebody saves it with the properties that it
is to have. Exclusions on the attribute stay in force, and audiences keep it.
"""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import transaction

from segments import catalogue
from segments.border import comparable
from segments.conflicts import ChangedMeanwhile
from segments.expressions import Nobody
from segments.labels import nfc
from segments.matching import clauses_of, compile_all
from segments.models import AudienceAttribute, AudienceSegment
from segments.models.changes import Actor
from segments.models.segments import SegmentQuerySet
from segments.previews import Meaning, Preview, counted
from segments.rewriting import EMPTY, rewrite
from segments.store import store
from segments.uses import of_its_users

ATTEMPTS = 3


def preview(attribute_id: uuid.UUID, most: int | None = None) -> Preview:
    """What retiring the attribute would do, at the `most` so many sizes of it; AttributeMissing when it is gone."""
    with store().snapshot() as view:
        attribute = catalogue.found(attribute_id)
        touched = selecting_by(attribute)
        segments = tuple(counted(touched, meanings, view, most))
        revisions = touched.order_by("no").values_list("pk", "revision")
        uncounted = frozenset() if most is None else frozenset(revisions[most:])
        return Preview(attribute, view.as_of, segments, uncounted=uncounted)


def selecting_by(attribute: AudienceAttribute) -> SegmentQuerySet:
    """The segments that it is retired from; to owners who may not use it, its code means something unknown."""
    return of_its_users(attribute, AudienceSegment.objects.selecting_by(attribute.code))


def meanings(segments: Sequence[AudienceSegment]) -> Iterator[Meaning]:
    for segment, one in zip(segments, compile_all([clauses_of(segment) for segment in segments]), strict=True):
        yield segment, one.tree, Nobody()


def retire(attribute_id: uuid.UUID, actor: Actor, seen: str = "", most: int | None = None) -> Preview:
    """Retire the attribute, all of it in one transaction; the preview of what was done.

    ChangedMeanwhile when the segments are others than in the preview whose stamp is `seen`, or, without one, when
    they are changed again and again while this counts them.
    """
    for _attempt in range(1 if seen else ATTEMPTS):
        counts = preview(attribute_id, most)
        try:
            if seen and seen != counts.stamp:
                raise ChangedMeanwhile
            carry_out(counts, actor)
        except ChangedMeanwhile as changed:
            refusal = changed
        else:
            return counts
    raise refusal


def carry_out(counts: Preview, actor: Actor) -> None:
    with transaction.atomic():
        attribute = catalogue.locked(counts.attribute.pk)
        # In the order of their keys, so that no two writers wait in a ring.
        segments = list(selecting_by(attribute).select_for_update().order_by("pk"))
        counts.require_unchanged(segments)
        for segment in segments:
            take_out(segment, attribute.code)
        rewrite(segments, EMPTY, actor)
        catalogue.mark_retired(attribute, len(segments), actor)


def take_out(segment: AudienceSegment, code: str) -> None:
    """Move the segment's clauses on this code, in either of its spellings, to `deprecated_properties`."""
    taken = {key: clause for key, clause in segment.properties.items() if nfc(key) == code}
    kept = segment.deprecated_properties
    segment.properties = {key: clause for key, clause in segment.properties.items() if key not in taken}
    segment.deprecated_properties = kept | {
        key: together(kept[key], clause) if key in kept else clause for key, clause in taken.items()
    }
    segment.retired_codes = [*segment.retired_codes, *taken]


def together(before: Any, clause: Any) -> Any:
    """What is kept under a code that an earlier clause is kept under: nothing of either is lost."""
    if comparable(before) == comparable(clause):
        return before
    return [*listed(before), *listed(clause)]


def listed(clause: Any) -> list[Any]:
    return clause if isinstance(clause, list) else [clause]
