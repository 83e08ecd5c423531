"""From the cells of a CSV line to the JSON object that it stands for, which the API's own code then checks."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from segments.border import Document, read_json, unsafe
from segments.exceptions import Fault, ImportRefused, UnreadableJSON, gettext_noop, step
from segments.importing.options import Columns
from segments.labels import MAX_CODES, canonical_properties, quoted
from segments.shapes import Flag, Integer, Object, Shape

RAGGED = gettext_noop("The line has %(cells)d cells and the header %(columns)d. Give each column one.")
HEADER_AGAIN = gettext_noop("The header comes again here, as where files were joined. Take the line out.")
UNNAMED = gettext_noop("Column %(place)d of the header has no name. Name it, or take it out.")
REPEATED = gettext_noop("The header names the column %(column)s twice. Name each column once.")
MISSING = gettext_noop("The header has no column %(column)s. Its columns are: %(columns)s.")
NO_SUCH = gettext_noop("%(option)s names the column %(column)s, and the header has none. Its columns are: %(columns)s.")
BAD_CODE = gettext_noop("The column %(column)s: %(problem)s Rename it, or name it in --map or --skip.")
SAME_CODE = gettext_noop("Two columns are the attribute %(code)s. Name one of them in --skip.")
TOO_MANY = gettext_noop(
    "The header has %(count)d attributes. Load at most %(most)d at a time; name the others in --skip."
)

NUMBERS = frozenset("0123456789")
MOST_DIGITS = 20


class Header(ABC):
    """The columns of a CSV file."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        for place, name in enumerate(names, 1):
            if not name.strip():
                raise ImportRefused(UNNAMED, place=place)
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ImportRefused(REPEATED, column=quoted(twice[0]))

    def document(self, cells: Sequence[str]) -> Document:
        """What the line stands for, and what is wrong with its cells as such."""
        if len(cells) != len(self.names):
            return Document(None, (Fault("", "ragged", RAGGED, {"cells": len(cells), "columns": len(self.names)}),))
        if cells == self.names:
            return Document(None, (Fault("", "repeated_header", HEADER_AGAIN),))
        return self.value(cells)

    @abstractmethod
    def value(self, cells: Sequence[str]) -> Document:
        """The same for as many cells as there are columns."""

    @abstractmethod
    def column_of(self, pointer: str) -> str:
        """The column in which the place of a fault stands, or nothing for a fault of the whole line."""

    def require(self, names: Iterable[str]) -> None:
        """ImportRefused unless the columns are there."""
        for name in names:
            if name not in self.names:
                raise ImportRefused(MISSING, column=quoted(name), columns=self.listed)

    @property
    def listed(self) -> str:
        return ", ".join(map(quoted, self.names[:20]))


class FieldHeader(Header):
    """Columns that are the fields of a shape: JSON text for objects, true or false; an empty cell sends nothing."""

    def __init__(self, names: Sequence[str], shape: Shape, required: Iterable[str]) -> None:
        super().__init__(names)
        self.require(required)
        self.fields = {name: shape.fields[name] for name in names if name in shape.fields}

    def value(self, cells: Sequence[str]) -> Document:
        value: dict[str, Any] = {}
        faults: list[Fault] = []
        for name, cell in zip(self.names, cells, strict=True):
            field = self.fields.get(name)
            if field is None or not cell:
                continue
            if isinstance(field, Object):
                value[name] = object_in(cell, step("", name), faults)
            else:
                value[name] = typed(cell, isinstance(field, Flag), isinstance(field, Integer))
        return Document(value, tuple(faults))

    def column_of(self, pointer: str) -> str:
        name = pointer.split("/")[1] if pointer else ""
        return name if name in self.fields else ""


class AttributeHeader(Header):
    """Columns of audiences: the id, and attributes; an empty cell is an empty list."""

    def __init__(self, names: Sequence[str], columns: Columns) -> None:
        super().__init__(names)
        self.require([columns.id_column])
        for option, wanted in (("--skip", columns.skip), ("--map", columns.codes)):
            for name in wanted:
                if name not in names:
                    raise ImportRefused(NO_SUCH, option=option, column=quoted(name), columns=self.listed)
        self.separator = columns.separator
        self.place = self.names.index(columns.id_column)
        self.codes = {
            place: code_of(name, columns.codes)
            for place, name in enumerate(self.names)
            if place != self.place and name not in columns.skip
        }
        twice = [code for code, count in Counter(self.codes.values()).items() if count > 1]
        if twice:
            raise ImportRefused(SAME_CODE, code=quoted(twice[0]))
        if len(self.codes) > MAX_CODES:
            raise ImportRefused(TOO_MANY, count=len(self.codes), most=MAX_CODES)
        self.columns = {step("/properties", code): self.names[place] for place, code in self.codes.items()}

    def value(self, cells: Sequence[str]) -> Document:
        properties = {code: self.texts(cells[place]) for place, code in self.codes.items()}
        return Document({"id": cells[self.place], "properties": properties})

    def texts(self, cell: str) -> list[str]:
        """What an attribute with this cell has."""
        if self.separator and self.separator in cell:
            return cell.split(self.separator)
        return [cell] if cell and not cell.isspace() else []

    def column_of(self, pointer: str) -> str:
        if pointer == "/id":
            return self.names[self.place]
        return next((name for start, name in self.columns.items() if f"{pointer}/".startswith(f"{start}/")), "")


def code_of(column: str, codes: Mapping[str, str]) -> str:
    """The code that a column is loaded under, as the catalogue writes it."""
    code = codes.get(column, column)
    canonical, faults = canonical_properties({code: "x"}, unsafe)
    if faults:
        fault = faults[0]
        raise ImportRefused(BAD_CODE, column=quoted(column), problem=fault.detail)
    return next(iter(canonical))


def typed(cell: str, flag: bool, number: bool) -> object:
    """The cell as JSON has it, where it reads so; what does not is left for its field to refuse."""
    if flag and cell in {"true", "false"}:
        return cell == "true"
    if number and len(cell) <= MOST_DIGITS and NUMBERS.issuperset(cell):
        return int(cell)
    return cell


def object_in(cell: str, pointer: str, faults: list[Fault]) -> object:
    """The JSON in a cell; what is wrong with it is added to the faults."""
    try:
        document = read_json(cell.encode())
    except UnreadableJSON as error:
        faults.append(error.fault.under(pointer))
        return {}  # so that its field has nothing to add
    faults.extend(fault.under(pointer) for fault in document.faults)
    return document.value
