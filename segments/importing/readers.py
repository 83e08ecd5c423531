"""From lines to numbered records, CSV (RFC 4180) and JSON Lines; what cannot be read is a record with its fault.

A quote that is not closed costs its own line alone: the lines after it are read as if it had not been there.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from segments.border import unsafe
from segments.exceptions import Fault, gettext_noop
from segments.importing.lines import BOM, LONGEST_LINE, Line, Lines

LINE_TOO_LONG = Fault(
    "", "line_too_long", gettext_noop("The line is longer than %(most)s bytes."), {"most": f"{LONGEST_LINE:,}"}
)
NOT_UTF8 = Fault("", "not_utf8", gettext_noop("The line is not UTF-8. Save the file as UTF-8."))
BYTE_ORDER_MARK = Fault(
    "",
    "byte_order_mark",
    gettext_noop("A byte order mark (U+FEFF) begins the line, as where files were joined. Take it out."),
)
NULL_CHARACTER = Fault("", *(unsafe("\0") or ("", "")))
BROKEN_QUOTES = Fault(
    "",
    "broken_quotes",
    gettext_noop('A quoted cell does not end where it should. Close it, and write a quote inside it as "".'),
)

# A cell may be as long as a line; the library stops at 128 KiB.
csv.field_size_limit(LONGEST_LINE)


@dataclass(slots=True)
class Record:
    """One record: where it begins, its bytes as they stand, its cells in CSV; or what keeps it from being read."""

    line: int
    raw: bytes
    cells: list[str] = field(default_factory=list)
    fault: Fault | None = None
    rest: Iterable[bytes] = ()


def json_records(lines: Lines) -> Iterator[Record]:
    """A record for each line that is not blank."""
    for line in lines:
        if not line.is_blank:
            yield unread(line) or Record(line.number, line.raw)


def csv_records(lines: Lines, delimiter: str) -> Iterator[Record]:
    """A record for each line that is not blank, the header's among them; quoted cells may span lines."""
    for line in lines:
        if line.is_blank:
            continue
        if b'"' in line.raw and line.rest is None:
            yield quoted_record(line, lines, delimiter)
        else:
            yield unread(line) or Record(line.number, line.raw, text_of(line).split(delimiter))


def quoted_record(first: Line, lines: Lines, delimiter: str) -> Record:
    """The record that begins with this line; lines that turn out not to belong to it are put back."""
    taken = [first]
    try:
        cells = next(csv.reader(texts(taken, lines), delimiter=delimiter, strict=True))
    except csv.Error:
        lines.put_back(taken[1:])
        return unread(first) or Record(first.number, first.raw, fault=BROKEN_QUOTES)
    whole = Line(first.number, b"".join(line.raw for line in taken))
    return unread(whole) or Record(whole.number, whole.raw, cells)


def texts(taken: list[Line], lines: Lines) -> Iterator[str]:
    """The first line and as many more as are asked for, up to the limit; each is added to those taken."""
    yield taken[0].raw.decode("utf-8", "replace")
    size = len(taken[0].raw)
    for line in lines:
        taken.append(line)
        size += len(line.raw)
        if size > LONGEST_LINE:
            return
        yield line.raw.decode("utf-8", "replace")


def text_of(line: Line) -> str:
    return line.raw.decode().removesuffix("\n").removesuffix("\r")


def unread(line: Line) -> Record | None:
    """The record of a line that cannot be read, or None."""
    if line.rest is not None:
        return Record(line.number, line.raw, fault=LINE_TOO_LONG, rest=line.rest)
    if b"\0" in line.raw:
        return Record(line.number, line.raw, fault=NULL_CHARACTER)
    if line.raw.isascii():
        return None
    if line.raw.startswith(BOM):
        return Record(line.number, line.raw, fault=BYTE_ORDER_MARK)
    return None if is_utf8(line.raw) else Record(line.number, line.raw, fault=NOT_UTF8)


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
