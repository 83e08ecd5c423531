"""A file against what is here: what came in against what is answered."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from segments.border import comparable
from segments.importing.copying import escaped, row_of
from segments.importing.kinds import Kind, Row
from segments.importing.pace import Pace
from segments.importing.reading import Rows
from segments.importing.sources import opened
from segments.importing.staging import BODY, Staging

MADE_FOR_NULL = ("approximated_size", "created_at", "updated_at")
"""Fields that are made here where a file has null for them."""
CHUNK_ROWS = 1_000


@dataclass(frozen=True)
class Difference:
    """A field that is not answered as it stands in the file; of what is not here, its key."""

    line: int
    key: str | None
    field: str
    file: Any
    answered: Any


@dataclass
class Comparison:
    """Every line in one bucket, as in the receipt of an import; `fields` counts the differences."""

    kind: Kind
    lines: int = 0
    same: int = 0
    different: int = 0
    missing: int = 0
    duplicate: int = 0
    rejected: int = 0
    fields: Counter[str] = field(default_factory=Counter)

    def run(self, name: str) -> Iterator[Difference]:
        """Every difference, in the order of keys; ImportRefused when the file as such cannot be read."""
        staging = Staging("compared", lasting=False)
        staging.create()
        try:
            with opened(name) as source:
                self.read(Rows(self.kind, source, quickly=False), staging)
            staging.complete()
            for rows in staging.ranges(Pace(CHUNK_ROWS)):
                yield from self.compare([orjson.loads(body) for body in rows.bodies()])
            self.duplicate = staging.rows - self.same - self.different - self.missing
        finally:
            staging.drop()

    def read(self, rows: Rows, staging: Staging) -> None:
        """Stage the lines that can be read; one that an import refused for what is here is different or missing."""
        for batch in rows.batches():
            good = [row for row in batch.rows if not row.faults]
            self.lines += batch.count
            self.rejected += batch.count - len(good)
            staging.add(BODY, "".join(map(self.staged, good)).encode(), len(good))

    def staged(self, row: Row) -> str:
        body = orjson.dumps([row.record.line, row.values]).decode()
        return row_of(row.record.line, escaped(self.kind.key(row)), escaped(body))

    def compare(self, staged: Sequence[tuple[int, dict[str, Any]]]) -> Iterator[Difference]:
        sent = [self.kind.values_of(values) for _line, values in staged]
        for (line, _values), values, here in zip(staged, sent, self.kind.stored(sent), strict=True):
            found = list(self.differences(line, values, here))
            self.missing += here is None
            self.same += not found
            self.different += bool(found and here)
            self.fields.update(difference.field for difference in found if here)
            yield from found

    def differences(self, line: int, values: dict[str, Any], here: Any) -> Iterator[Difference]:
        """The fields in the order of the contract; JSON is compared by value."""
        key = self.kind.key_field
        if here is None:
            yield Difference(line, values.get(key), key, values.get(key), None)
            return
        for name in self.kind.shape.fields:
            if name not in values or name in self.kind.made_here:
                continue
            sent, answered = values[name], getattr(here, name)
            if sent is None and name in MADE_FOR_NULL:
                continue
            if comparable(sent) != comparable(answered):
                yield Difference(line, getattr(here, key), name, sent, answered)

    def counts(self) -> dict[str, Any]:
        """The counts, as JSON has them."""
        names = ("lines", "same", "different", "missing", "duplicate", "rejected")
        return {**{name: getattr(self, name) for name in names}, "fields": dict(self.fields)}
