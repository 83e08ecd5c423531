"""Segments from a file; their key is the id, and those without one are new."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from segments import definitions, sizing
from segments.contract import SEGMENT, read_moved
from segments.definitions import Draft
from segments.importing.cells import FieldHeader
from segments.importing.kinds import Kind, Row
from segments.importing.staging import Range
from segments.matching import Clauses, compile_all
from segments.models import AudienceSegment
from segments.shapes import Reading
from segments.store import UpsertCounts
from segments.store.loading import Look


class Segments(Kind):
    name = "segments"
    shape = SEGMENT

    def header(self, names: Sequence[str]) -> FieldHeader:
        return self.field_header(names)

    def read(self, value: Any) -> Reading:
        return self.read_owned(value, read_moved)

    def key(self, row: Row) -> str:
        """The id; what has none comes behind all ids, in the order of the file."""
        return str(row.values["id"]) if "id" in row.values else f"new {row.record.line:015}"

    def judge(self, rows: Sequence[Row]) -> None:
        self.judge_owners(rows)
        if self.options.strict:
            self.refuse_unresolved(rows)

    def refuse_unresolved(self, rows: Sequence[Row]) -> None:
        """Add the warnings of the clauses that each segment would have."""
        ids = [row.values["id"] for row in rows if "id" in row.values]
        stored = AudienceSegment.objects.only("properties", "exclusions", "retired_codes").in_bulk(ids)
        asked = [clauses(row.values, stored.get(row.values.get("id"))) for row in rows]
        for row, resolved in zip(rows, compile_all(asked), strict=True):
            row.faults.extend(resolved.warnings)

    def apply(self, rows: Range, look: Look | None) -> UpsertCounts:
        return definitions.upsert([Draft(self.values_of(orjson.loads(body))) for body in rows.bodies()], self.actor)

    def stored(self, sent: Sequence[Mapping[str, Any]]) -> Sequence[AudienceSegment | None]:
        found = AudienceSegment.objects.in_bulk([values["id"] for values in sent if "id" in values])
        return [found.get(values["id"]) if "id" in values else None for values in sent]

    def finish(self) -> None:
        sizing.recount(AudienceSegment.objects.stale())


def clauses(values: dict[str, Any], stored: AudienceSegment | None) -> Clauses:
    """The clauses that a segment has once these fields are written."""
    before = stored or AudienceSegment()
    return Clauses(
        values["owner_id"],
        values.get("properties", before.properties),
        values.get("exclusions", before.exclusions),
        () if "properties" in values else before.retired_codes,
    )
