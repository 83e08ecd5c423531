"""What a change of the catalogue does to segments: which it touches, and their sizes before and after it."""

import hashlib
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from segments.conflicts import ChangedMeanwhile
from segments.expressions import Expression
from segments.models import AudienceAttribute, AudienceSegment
from segments.models.segments import SegmentQuerySet
from segments.store import Snapshot

COUNTED = 200  # segments at a time, so that the database is never left waiting for long

Revision = tuple[uuid.UUID, int]
Meaning = tuple[AudienceSegment, Expression, Expression]
Meanings = Callable[[Sequence[AudienceSegment]], Iterable[Meaning]]


@dataclass(frozen=True)
class Touched:
    """A segment that the change touches, and how many it selects before and after it."""

    id: uuid.UUID
    no: int
    name: str
    owner_id: uuid.UUID
    revision: int
    size_before: int
    size_after: int


@dataclass(frozen=True)
class Preview:
    """A change of the catalogue, all sizes counted in one view, by `no`; `uncounted` are those beyond the first."""

    attribute: AudienceAttribute
    as_of: datetime
    segments: tuple[Touched, ...]
    uncounted: frozenset[Revision] = field(default=frozenset(), kw_only=True)

    @property
    def revisions(self) -> set[Revision]:
        return {*self.uncounted, *((touched.id, touched.revision) for touched in self.segments)}

    @property
    def stamp(self) -> str:
        """Stands for the segments as they were looked at; another one when one was changed, has come or gone."""
        lines = sorted(f"{key} {revision}" for key, revision in self.revisions)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def require_unchanged(self, locked: Collection[AudienceSegment]) -> None:
        """ChangedMeanwhile unless these are the segments that were counted."""
        if {(segment.pk, segment.revision) for segment in locked} != self.revisions:
            raise ChangedMeanwhile


def counted(
    segments: SegmentQuerySet, meanings: Meanings, view: Snapshot, most: int | None = None
) -> Iterator[Touched]:
    """Those of these segments that are touched; `meanings` says what each selects before the change and after it."""
    for batch in segments.order_by("no")[:most].batches(COUNTED):
        for segment, before, after in meanings(batch):
            yield Touched(
                segment.pk,
                segment.no,
                segment.name,
                segment.owner_id,
                segment.revision,
                view.count(before),
                view.count(after),
            )
