"""Segments in a file against the segments that are here: what came in against what is answered."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from segments.border import comparable
from segments.contract import SEGMENT
from segments.importing.kinds import Row
from segments.importing.options import Options
from segments.importing.reading import Rows
from segments.importing.segments import Segments
from segments.importing.sources import opened
from segments.models import AudienceSegment
from segments.models.changes import Actor

MADE_HERE = ("approximated_size", "created_at", "updated_at")
"""Fields that are made here where a file has null for them."""


@dataclass(frozen=True)
class Difference:
    """One field of one segment that is not answered as it stands in the file."""

    line: int
    id: str
    field: str
    file: Any
    answered: Any


@dataclass
class Comparison:
    """How many lines were compared and how they came out; `fields` counts the differences."""

    lines: int = 0
    same: int = 0
    different: int = 0
    missing: int = 0
    unreadable: int = 0
    fields: Counter[str] = field(default_factory=Counter)

    def run(self, name: str, options: Options) -> Iterator[Difference]:
        """Every difference, line by line; ImportRefused when the file as such cannot be read."""
        with opened(name) as source:
            for rows in Rows(Segments(options, Actor()), source).batches():
                yield from self.compare(rows)

    def compare(self, rows: Sequence[Row]) -> Iterator[Difference]:
        self.lines += len(rows)
        readable = [row for row in rows if not row.faults]
        self.unreadable += len(rows) - len(readable)
        stored = AudienceSegment.objects.in_bulk([row.values["id"] for row in readable if "id" in row.values])
        for row in readable:
            segment = stored.get(row.values.get("id"))
            if segment is None:
                self.missing += 1
                continue
            found = list(differences(row, segment))
            self.same += not found
            self.different += bool(found)
            self.fields.update(difference.field for difference in found)
            yield from found


def differences(row: Row, segment: AudienceSegment) -> Iterator[Difference]:
    """The fields in the order of the contract; JSON is compared by value."""
    for name in SEGMENT.fields:
        if name not in row.values:
            continue
        sent, answered = row.values[name], getattr(segment, name)
        if sent is None and name in MADE_HERE:
            continue
        if comparable(sent) != comparable(answered):
            yield Difference(row.record.line, str(segment.pk), name, sent, answered)
