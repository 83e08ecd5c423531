"""Every line of a source, as far as it can be checked by itself."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from io import BytesIO

from segments.border import read_json
from segments.exceptions import ImportRefused, UnreadableJSON, gettext_noop
from segments.importing.ahead import ahead
from segments.importing.apart import Apart, Lost, are_worth_it
from segments.importing.cells import Header
from segments.importing.kinds import Kind, Row
from segments.importing.lines import LONGEST_LINE, Lines
from segments.importing.quick import Quick, Taken
from segments.importing.readers import Record, csv_records, json_records
from segments.importing.sources import Source

BATCH_LINES = 5_000
BATCH_BYTES = 4 * LONGEST_LINE
LARGE = 2**22  # bytes, packed or not; a shorter file may be read before other processes have begun
LOOK_EVERY = 10  # batches
CSV_ONLY = gettext_noop("%(options)s: that is for CSV, and %(file)s is JSON Lines. Leave it out.")
BAD_HEADER = gettext_noop("The header cannot be read. %(problem)s")


@dataclass
class Batch:
    """Some records: as rows, in the order of the file, or ready for COPY into these columns."""

    columns: Sequence[str] = ()
    rows: list[Row] = field(default_factory=list)
    ready: int = 0
    texts: list[bytes] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.rows) + self.ready


class Rows:
    """The rows of one source; in CSV `header` and `beginning`, its bytes, are there once the first one is asked for."""

    def __init__(self, kind: Kind, source: Source, *, quickly: bool = True) -> None:
        self.kind = kind
        self.quickly = quickly
        self.source = source
        self.lines = Lines(source.stream)
        self.delimiter: str | None = None
        self.header: Header | None = None
        self.beginning = b""
        self.is_brief = False

    def batches(self) -> Iterator[Batch]:
        """So many rows at a time; ImportRefused when the file as such does not do."""
        records = self.open()
        bulk = self.kind.quick(self.header, self.delimiter) if self.quickly else None
        quick = bulk[0](bulk[1]) if bulk else None
        columns = quick.columns if quick else ()
        apart = None
        is_open, is_long = True, (self.source.size or 0) > LARGE
        with ExitStack() as opened:
            while is_open:
                if bulk and is_long and are_worth_it():
                    apart = apart or opened.enter_context(Apart(*bulk))
                    yield from self.apart(apart, columns)
                batch = Batch(columns)
                is_open = is_long = self.fill(batch, records, quick)  # it is long if that is not its end
                if batch.count:
                    yield batch

    def apart(self, apart: Apart, columns: Sequence[str]) -> Iterator[Batch]:
        """What other processes read, up to a line that may not be a record by itself, or to the end of one of them."""
        if apart.is_lost:
            return
        pending: deque[tuple[int, list[bytes]]] = deque()

        def read(block: tuple[int, list[bytes]]) -> Taken:
            return apart.read(*block, is_brief=self.is_brief)

        with suppress(Lost), closing(ahead(read, self.blocks(pending))) as blocks:
            for place, ((first, lines), taken) in enumerate(blocks):
                pending.popleft()
                if place % LOOK_EVERY == 0:
                    self.is_brief = self.kind.are_stored(taken.rows)
                batch = Batch(columns)
                self.put(batch, first, lines, taken)
                if batch.count:
                    yield batch
                if taken.count < len(lines):
                    pending.appendleft((first + taken.count, lines[taken.count :]))
                    break
        self.lines.give_back([line for _first, lines in pending for line in lines])

    def blocks(self, pending: deque[tuple[int, list[bytes]]]) -> Iterator[tuple[int, list[bytes]]]:
        """Lines that are at hand, with the number of the first; all that were asked for are pending, too."""
        while True:
            first, size = self.lines.number + 1, 0
            lines: list[bytes] = []
            while len(lines) < BATCH_LINES and size < BATCH_BYTES:
                more = self.lines.at_hand(BATCH_LINES - len(lines))
                if not more:
                    break
                self.lines.take(len(more))
                lines += more
                size += sum(map(len, more))
            if not lines:
                return
            pending.append((first, lines))
            yield first, lines

    def open(self) -> Iterator[Record]:
        """Read the header, if there is one; the records behind it."""
        self.delimiter = self.delimiter_of_cells()
        records = self.records(self.lines)
        if self.delimiter:
            self.begin(next(records, None))
        return records

    def delimiter_of_cells(self) -> str | None:
        """What parts the cells of CSV; None for JSON Lines."""
        options = self.kind.options
        if not self.source.is_json_lines():
            return options.columns.delimiter or ("\t" if self.source.has_tabs() else ",")
        if options.csv_only:
            raise ImportRefused(CSV_ONLY, options=", ".join(options.csv_only), file=self.source.name)
        return None

    def records(self, lines: Lines) -> Iterator[Record]:
        return csv_records(lines, self.delimiter) if self.delimiter else json_records(lines)

    def begin(self, first: Record | None) -> None:
        """Take the header from the first record; an empty file has none and needs none."""
        if first is None:
            return
        if first.fault:
            raise ImportRefused(BAD_HEADER, problem=first.fault.detail)
        self.header = self.kind.header(first.cells)
        self.beginning = first.raw

    def fill(self, batch: Batch, records: Iterator[Record], quick: Quick | None) -> bool:
        """Read on; a line that is not wholly read ends its batch. False at the end."""
        lines, size, is_open = 0, 0, True
        while is_open and lines < BATCH_LINES and size < BATCH_BYTES:
            if quick and (taken := self.take_quickly(batch, quick)):
                lines, size = lines + len(taken), size + sum(map(len, taken))
            elif record := next(records, None):
                batch.rows.append(self.row(record))
                lines, size = lines + 1, size + (BATCH_BYTES if record.rest else len(record.raw))
            else:
                is_open = False
        return is_open

    def take_quickly(self, batch: Batch, quick: Quick) -> list[bytes]:
        """Read lines that are at hand; those that were."""
        lines, first = self.lines.at_hand(BATCH_LINES), self.lines.number + 1
        if not lines:
            return []
        taken = quick.read(first, lines)
        self.lines.take(taken.count)
        self.put(batch, first, lines, taken)
        return lines[: taken.count]

    def put(self, batch: Batch, first: int, lines: list[bytes], taken: Taken) -> None:
        """Add what was read quickly to the batch, and odd lines as the exact reader has them."""
        batch.texts.append(taken.rows)
        batch.ready += taken.ready
        for number in taken.odd:
            batch.rows += self.exactly(number, lines[number - first])

    def exactly(self, number: int, line: bytes) -> list[Row]:
        """What the exact reader makes of a line that is a record by itself; nothing of a blank one."""
        alone = Lines(BytesIO(line + b"\n"))
        alone.number, alone.begins = number - 1, False
        return [self.row(record) for record in self.records(alone)]

    def row(self, record: Record) -> Row:
        if record.fault:
            return Row(record, None, faults=[record.fault])
        try:
            document = self.header.document(record.cells) if self.header else read_json(record.raw.rstrip(b"\r\n"))
        except UnreadableJSON as error:
            fault = replace(error.fault, params={**error.fault.params, "line": record.line})
            return Row(record, None, faults=[fault])
        row = Row(record, document.value, faults=[*document.faults])
        if not (row.value is None and row.faults):
            reading = self.kind.read(row.value)
            row.values = reading.values
            row.faults += reading.faults
            if self.kind.options.strict:
                row.faults += reading.warnings
            elif reading.warnings:
                self.kind.leave_out(str(fault.params["name"]) for fault in reading.warnings if fault.params)
        return row
