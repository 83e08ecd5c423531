"""Rejected lines: as they stood in a file to be mended and loaded, and what is wrong with each in a report."""

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from django.utils.translation import gettext as _

from segments.exceptions import Fault, ImportRefused, gettext_noop
from segments.importing.cells import Header
from segments.importing.kinds import Row
from segments.importing.reading import Rows
from segments.labels import quoted

KEPT_ROWS = 1_000
MOST_FAULTS = 20
SHOWN_BYTES = 200
REPORTED = ("line", "rejects_line", "column", "code", "value", "reason")
SAME_FILE = gettext_noop("--rejects %(path)s is the file to be imported. Name another one.")
UNWRITABLE = gettext_noop(
    "Rejected lines cannot be written to %(path)s: %(problem)s. Name another file with --rejects."
)


@dataclass(frozen=True)
class Reject:
    """One thing that is wrong with a line, in words that any file and database takes, and as it can be translated."""

    line: int
    column: str
    code: str
    value: str
    reason: str
    message: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)


class Rejects:
    """Writes what was rejected; the two files are made with the first line that is."""

    def __init__(self, path: Path, rows: Rows) -> None:
        self.path = path
        self.rows = rows
        self.kept: list[Reject] = []
        self.lines = 0
        self.are_open = False
        self.open_files = ExitStack()

    def __enter__(self) -> Self:
        report = report_path(self.path)
        if any(self.rows.source.is_at(path) for path in (self.path, report)):
            raise ImportRefused(SAME_FILE, path=str(self.path))
        try:
            clear(self.path, report)
        except OSError as error:
            raise ImportRefused(UNWRITABLE, path=str(self.path), problem=error.strerror) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.open_files.close()

    def add(self, row: Row) -> str:
        """Keep a rejected line; the code that the receipt counts it under."""
        rejects = list(rejects_of(row, self.rows.header))
        self.kept.extend(rejects[: KEPT_ROWS - len(self.kept)])
        try:
            self.write(row, rejects)
        except OSError as error:
            raise ImportRefused(UNWRITABLE, path=str(self.path), problem=error.strerror) from None
        return rejects[0].code

    def write(self, row: Row, rejects: list[Reject]) -> None:
        if not self.are_open:
            self.open()
        for reject in rejects:
            self.report.writerow([reject.line, self.lines + 1, reject.column, reject.code, reject.value, reject.reason])
        for piece in chain([row.record.raw], row.record.rest):
            self.copy(piece)

    def open(self) -> None:
        """Begin the two files, that of the lines with the header of the source."""
        self.file = self.open_files.enter_context(self.path.open("wb"))
        report = report_path(self.path).open("w", encoding="utf-8", newline="")
        self.report = csv.writer(self.open_files.enter_context(report))
        self.report.writerow(REPORTED)
        self.copy(self.rows.beginning)
        self.are_open = True

    def copy(self, piece: bytes) -> None:
        self.file.write(piece)
        self.lines += piece.count(b"\n")


def report_path(path: Path | str) -> Path:
    """The report on the rejected lines in this file."""
    path = Path(path)
    return path.with_suffix(".report.csv") if path.suffix == ".csv" else path.with_name(f"{path.name}.report.csv")


def clear(path: Path, report: Path) -> None:
    """Take away the two files that an earlier import left here; what has no such report beside it stays."""
    with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError, UnicodeDecodeError):
        with report.open(encoding="utf-8") as file:
            beginning = file.readline(SHOWN_BYTES)
        if beginning.rstrip("\n") == ",".join(REPORTED):
            report.unlink()
            path.unlink(missing_ok=True)


def rejects_of(row: Row, header: Header | None) -> Iterator[Reject]:
    """The faults of a row as they are told, each once."""
    faults = {(fault.pointer, fault.code): fault for fault in row.faults}
    for fault in list(faults.values())[:MOST_FAULTS]:
        column = header.column_of(fault.pointer) if header else fault.pointer
        if row.value is None:
            value = quoted(row.record.raw[:SHOWN_BYTES].decode("utf-8", "replace").rstrip())
        elif header:
            value = quoted(row.record.cells[header.names.index(column)]) if column else ""
        else:
            value = shown(row.value, fault.pointer)
        value, reason, params = printable(value), printable(sentence(fault)), named(fault.params)
        yield Reject(row.record.line, printable(column), fault.code, value, reason, fault.message, params)


def sentence(fault: Fault) -> str:
    """What is wrong, in the language of who runs the import."""
    return _(fault.message) % fault.params if fault.params else _(fault.message)


def named(params: Mapping[str, Any]) -> dict[str, Any]:
    """What a message names, as it can be kept."""
    return {name: value if isinstance(value, int) else printable(str(value)) for name, value in params.items()}


def shown(value: Any, pointer: str) -> str:
    """What stands at a place of a JSON document, or nothing where nothing is."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        elif isinstance(value, dict) and name in value:
            value = value[name]
        else:
            return ""
    return json.dumps(value) if isinstance(value, int | float) else quoted(value)


def printable(text: str) -> str:
    """The text without what a database or a file would not take."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
