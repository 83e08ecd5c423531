"""Lines of CSV that are plainly right."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from segments.importing.cells import AttributeHeader
from segments.importing.lines import BOM, LONGEST_LINE
from segments.importing.quick import PLAIN_ID, PLAIN_IDS, Asked, Quick, Ready, key_of
from segments.importing.seen import Odd, Seen, Unnumbered, Unread

MARK = BOM.decode()
TOGETHER = 100  # lines: few enough for their cells to stay in the cache of the processor, and to be taken twice

# A cell may be as long as a line; the library stops at 128 KiB.
csv.field_size_limit(LONGEST_LINE)

Line = tuple[int, str, list[str]]
"""Its number, the id, and the other cells."""


class QuickCSV(Quick):
    """A line whose quotes do not end in it may be the beginning of a record, which is for the exact reader to say."""

    columns = ("properties", "value_ids")

    def __init__(self, header: AttributeHeader, delimiter: str, asked: Asked) -> None:
        super().__init__(asked)
        self.header = header
        self.id_column = header.names[header.place]
        self.delimiter = delimiter
        self.dialect = csv.reader((), delimiter=delimiter, strict=True).dialect
        self.waiting: list[Line] = []
        self.forget()

    def attributes_seen(self) -> Iterator[Seen]:
        return (each for each in self.seen if isinstance(each, Seen))

    def forget(self) -> None:
        places = [place for place in range(len(self.header.names)) if place != self.header.place]
        self.seen = [self.column(self.header.codes.get(place)) for place in places]
        self.properties = [each.properties for each in self.seen]

    def column(self, code: str | None) -> Seen | Unread:
        if code is None:
            return Unread()
        return Seen(code, self.numbers, self.header.texts, self.asked.aliases(code))

    def look_at(self, first: int, lines: Sequence[bytes]) -> tuple[int, list[int]]:
        texts = texts_of(lines)
        if texts is None:
            return unreadable(first, lines)
        count = 0
        odd: list[int] = []
        while count < len(texts):
            some = texts[count : count + TOGETHER]
            if self.take_all(first + count, some):
                count += len(some)
                continue
            taken, more = self.take_each(first + count, some)
            count += taken
            odd += more
            if taken < len(some):
                break
        return count, odd

    def take_all(self, first: int, texts: Sequence[str]) -> bool:
        """Take these lines column by column, which is quicker, if all of them are plainly right.

        Or else none, though numbers may be wanted by then.
        """
        columns = self.columns_of(texts)
        if len(columns) < 2:  # the id alone is taken line by line
            return False
        keys = columns.pop(self.header.place)
        if self.id_column in keys or not PLAIN_IDS("\n".join([*keys, ""])):
            return False
        with suppress(Odd, Unnumbered):
            self.ready += self.rows(range(first, first + len(texts)), keys, columns)
            return True
        return False

    def columns_of(self, texts: Sequence[str]) -> list[tuple[str, ...]]:
        """The cells of these lines by their columns; none unless each line is a record of as many as the header."""
        whole = "".join(texts)
        has_quotes = '"' in whole
        if MARK in whole or (has_quotes and "\r" in whole):  # a return ends an unquoted line for the library
            return []
        cells = csv.reader(texts, self.dialect) if has_quotes else [text.split(self.delimiter) for text in texts]
        try:
            columns = [*zip(*cells, strict=True)]
        except (ValueError, csv.Error):
            return []
        are_records = len(columns) == len(self.header.names) and len(columns[0]) == len(texts)
        return columns if are_records else []

    def rows(self, numbers: Sequence[int], keys: Sequence[str], columns: Sequence[Sequence[str]]) -> list[Ready]:
        """The rows of lines with these ids and the other cells by columns."""
        value_ids = joined(self.seen, columns)  # of each line before its properties, which are there from then on
        if self.is_brief:
            return [
                (number, key, f"{number}\t{key}\t\t{{{ids[1:]}}}\n")
                for number, key, ids in zip(numbers, keys, value_ids, strict=True)
            ]
        return [
            (number, key, f"{number}\t{key}\t{{{members[1:]}}}\t{{{ids[1:]}}}\n")
            for number, key, ids, members in zip(
                numbers, keys, value_ids, joined(self.properties, columns), strict=True
            )
        ]

    def take_each(self, first: int, texts: Sequence[str]) -> tuple[int, list[int]]:
        """Take them one by one, as far as each is a record by itself; how many these are, and the odd ones."""
        odd: list[int] = []
        late: list[Line] = []
        width, place = len(self.header.names), self.header.place
        count = len(texts)
        for number, text in enumerate(texts, first):
            cells = self.quoted(text) if '"' in text else text.split(self.delimiter)
            if not cells:
                count = number - first
                break
            if len(cells) != width or text[:1] == MARK or cells[place] == self.id_column or text.isspace():
                odd.append(number)
                continue
            audience_id = cells.pop(place)
            try:
                self.ready.append((number, audience_id, self.row(number, audience_id, cells)))
            except Odd:
                odd.append(number)
            except Unnumbered:
                late.append((number, audience_id, cells))
        return count, sorted([*odd, *self.wait(late)])

    def quoted(self, text: str) -> list[str]:
        """The cells of a line with quotes, or none if they do not end in it."""
        try:
            return next(csv.reader((text,), self.dialect))
        except csv.Error:
            return []

    def row(self, number: int, audience_id: str, cells: list[str]) -> str:
        key = audience_id if PLAIN_ID(audience_id) else key_of(audience_id)
        value_ids = "".join(map(dict.__getitem__, self.seen, cells))
        if self.is_brief:
            return f"{number}\t{key}\t\t{{{value_ids[1:]}}}\n"
        properties = "".join(map(dict.__getitem__, self.properties, cells))
        return f"{number}\t{key}\t{{{properties[1:]}}}\t{{{value_ids[1:]}}}\n"

    def wait(self, late: list[Line]) -> Iterator[int]:
        """Want all the numbers that these lines need, and keep them until these are there; which of them are odd."""
        for number, audience_id, cells in late:
            try:
                for seen, cell in zip(self.seen, cells, strict=True):
                    with suppress(Unnumbered):
                        seen[cell]
            except Odd:
                yield number
            else:
                self.waiting.append((number, audience_id, cells))

    def put_off(self) -> Iterator[Ready]:
        for number, audience_id, cells in self.waiting:
            yield number, audience_id, self.row(number, audience_id, cells)
        self.waiting = []


def texts_of(lines: Sequence[bytes]) -> list[str] | None:
    """The lines as text, without the returns that may end them; None when some cannot be read."""
    try:
        text = b"\n".join(lines).decode()
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    texts = text.split("\n")
    return [each.removesuffix("\r") for each in texts] if "\r" in text else texts


def unreadable(first: int, lines: Sequence[bytes]) -> tuple[int, list[int]]:
    """The same for lines among which some cannot be read: all of them are odd."""
    count = next((place for place, line in enumerate(lines) if b'"' in line), len(lines))
    return count, list(range(first, first + count))


def joined(seen: Sequence[Mapping[str, str]], columns: Sequence[Sequence[str]]) -> Iterator[str]:
    """Line by line, what is kept for all of its cells."""
    found = [map(each.__getitem__, column) for each, column in zip(seen, columns, strict=True)]
    return map("".join, zip(*found, strict=True))
