"""What differs between imports of attributes, audiences and segments; everything else is one way for all."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import orjson

from segments.exceptions import Fault, ImportRefused, gettext_noop
from segments.importing.cells import FieldHeader, Header
from segments.importing.copying import escaped, row_of
from segments.importing.options import Options
from segments.importing.ordering import NONE, Already
from segments.importing.quick import Asked, Quick
from segments.importing.readers import Record
from segments.importing.staging import BODY, Range, Staging
from segments.labels import quoted
from segments.models import Owner
from segments.models.changes import Actor
from segments.shapes import MOST_UNKNOWN, Reading, Shape
from segments.store import UpsertCounts
from segments.store.loading import Look

KEPT = frozenset({"id", "no"})
GREATEST_NO = 10**15  # numbers go on behind it, and any JSON reader is exact up to 2**53
NO_TOO_LARGE = gettext_noop(
    "A no can be at most %(greatest)s, so that there is room behind it. Leave it out to get a new one."
)

NO_FIELD = gettext_noop("%(column)s is no field, and the import is strict. Take the column out. Fields: %(columns)s.")

UNKNOWN_OWNER = gettext_noop(
    "There is no owner %(owner)s, and your role may not add one. Name an owner that there is, or have this one added."
)

Read = Callable[[Any, frozenset[str]], Reading]
Begin = Callable[[Asked], Quick]


@dataclass(slots=True)
class Row:
    """A record, the JSON it stands for, what its kind reads in it, and what is wrong with it."""

    record: Record
    value: Any
    values: dict[str, Any] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


class Kind(ABC):
    """How one kind of object is read, judged and written."""

    name: ClassVar[str]
    shape: ClassVar[Shape]
    key_field: ClassVar[str] = "id"
    made_here: ClassVar[frozenset[str]] = frozenset()
    """Fields that are never answered as a file has them."""
    chunk_rows: ClassVar[int] = 500
    """How many rows one transaction writes at the most; what it locks, clients wait for."""
    columns: ClassVar[Mapping[str, str]] = BODY
    """The columns of staged rows, besides line and key."""

    def __init__(self, options: Options, actor: Actor) -> None:
        self.options = options
        self.actor = actor
        self.left_out: list[str] = []

    @abstractmethod
    def header(self, names: Sequence[str]) -> Header:
        """How the cells of a CSV file with these columns are read; ImportRefused when they do not do."""

    @abstractmethod
    def read(self, value: Any) -> Reading:
        """The fields of one object, by the same code as the API's."""

    @abstractmethod
    def key(self, row: Row) -> str:
        """What the row is sorted by, and what makes an earlier one its duplicate."""

    def quick(self, header: Header | None, delimiter: str | None) -> tuple[Begin, Asked] | None:
        """What reads lines that are plainly right faster than one by one, and whom it asks.

        `delimiter` is None for JSON Lines.
        """
        return None

    def are_stored(self, rows: bytes) -> bool:
        """Whether of rows that were read in bulk hardly any has to be written, so that the next ones may be brief.

        Once it was so, `already` has to make whole what was left out of those that are to be written.
        """
        return False

    def judge(self, rows: Sequence[Row]) -> None:  # noqa: B027 a kind need not have anything to add
        """Add what only the database can tell is wrong; a few queries for all of the rows."""

    def judge_owners(self, rows: Sequence[Row]) -> None:
        """Add to rows that they name an owner that there is not, where nobody may bring one."""
        if not self.options.known_owners:
            return
        asked = {row.values["owner_id"] for row in rows}
        known = set(Owner.objects.filter(pk__in=asked).values_list("pk", flat=True))
        for row in rows:
            if row.values["owner_id"] not in known:
                params = {"owner": str(row.values["owner_id"])}
                row.faults.append(Fault("/owner_id", "unknown_owner", UNKNOWN_OWNER, params))

    def refuse(self, staging: Staging) -> None:  # noqa: B027 the same
        """Raise ImportRefused for what is wrong between the rows that were staged."""

    def staged(self, rows: Sequence[Row]) -> list[str]:
        """Rows without faults as COPY takes them, with all of `columns`."""
        return [
            row_of(row.record.line, escaped(self.key(row)), escaped(orjson.dumps(row.values).decode())) for row in rows
        ]

    def already(self, rows: int) -> Already:
        """What says which of so many staged rows are here as they were sent, and need not be applied."""
        return NONE

    def looks(self, ranges: Iterable[Range]) -> Iterator[tuple[Range, Look | None]]:
        """Each range, with what can be told of it before it is written."""
        return ((rows, None) for rows in ranges)

    @abstractmethod
    def apply(self, rows: Range, look: Look | None) -> UpsertCounts:
        """Write rows that were staged, in the order of keys and in the caller's transaction."""

    @abstractmethod
    def stored(self, sent: Sequence[Mapping[str, Any]]) -> Sequence[Any]:
        """What is here under the keys of these rows, its fields as they are answered; None where nothing is."""

    @abstractmethod
    def finish(self) -> None:
        """What follows when everything is written."""

    def read_owned(self, value: Any, read: Read) -> Reading:
        """An object as the API reads it, but keeping its id and `no`; without an owner it has the import's."""
        if not isinstance(value, dict):
            return read(value, frozenset())
        if self.options.owner_id and "owner_id" not in value:
            value = {**value, "owner_id": str(self.options.owner_id)}
        required = {name for name, one in self.shape.fields.items() if one.required}
        # A shape ignores what the server makes, unless it is required.
        reading = read(value, frozenset(required | (KEPT & value.keys())))
        if reading.values.get("no", 0) > GREATEST_NO:
            reading.faults.append(Fault("/no", "integer", NO_TOO_LARGE, {"greatest": f"{GREATEST_NO:,}"}))
        return reading

    def field_header(self, names: Sequence[str]) -> FieldHeader:
        """Columns that are fields; one that is none is not kept, or refused when the import is strict."""
        named = self.options.owner_id is not None
        fields = self.shape.fields.items()
        required = [name for name, one in fields if one.required and not (named and name == "owner_id")]
        header = FieldHeader(names, self.shape, required)
        self.leave_out(name for name in header.names if name not in self.shape.fields)
        if self.left_out and self.options.strict:
            raise ImportRefused(NO_FIELD, column=self.left_out[0], columns=", ".join(self.shape.fields))
        return header

    def leave_out(self, names: Iterable[str]) -> None:
        """Remember names that are no fields, to be told once; of many the first."""
        for name in map(quoted, names):
            if name not in self.left_out and len(self.left_out) < MOST_UNKNOWN:
                self.left_out.append(name)

    def values_of(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a row that was staged."""
        return {name: self.shape.fields[name].read(value, "") for name, value in body.items()}
