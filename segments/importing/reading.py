"""Every line of a source, as far as it can be checked by itself."""

from collections.abc import Iterable, Iterator

from segments.border import read_json
from segments.exceptions import ImportRefused, UnreadableJSON, gettext_noop
from segments.importing.cells import Header
from segments.importing.kinds import Kind, Row
from segments.importing.lines import LONGEST_LINE, Lines
from segments.importing.readers import Record, csv_records, json_records
from segments.importing.sources import Source

BATCH_ROWS = 1_000
BATCH_BYTES = 4 * LONGEST_LINE
CSV_ONLY = gettext_noop("%(options)s: that is for CSV, and %(file)s is JSON Lines. Leave it out.")
BAD_HEADER = gettext_noop("The header cannot be read. %(problem)s")


class Rows:
    """The rows of one source; in CSV `header` and `beginning`, its bytes, are there once the first one is asked for."""

    def __init__(self, kind: Kind, source: Source) -> None:
        self.kind = kind
        self.source = source
        self.header: Header | None = None
        self.beginning = b""

    def batches(self) -> Iterator[list[Row]]:
        """So many rows at a time; ImportRefused when the file as such does not do."""
        return batches(map(self.row, self.records()))

    def records(self) -> Iterator[Record]:
        lines = Lines(self.source.stream)
        options = self.kind.options
        if self.source.is_json_lines():
            if options.csv_only:
                raise ImportRefused(CSV_ONLY, options=", ".join(options.csv_only), file=self.source.name)
            return json_records(lines)
        usual = "\t" if self.source.has_tabs() else ","
        records = csv_records(lines, options.columns.delimiter or usual)
        self.begin(next(records, None))
        return records

    def begin(self, first: Record | None) -> None:
        """Take the header from the first record; an empty file has none and needs none."""
        if first is None:
            return
        if first.fault:
            raise ImportRefused(BAD_HEADER, problem=first.fault.detail)
        self.header = self.kind.header(first.cells)
        self.beginning = first.raw

    def row(self, record: Record) -> Row:
        if record.fault:
            return Row(record, None, faults=[record.fault])
        try:
            document = self.header.document(record.cells) if self.header else read_json(record.raw)
        except UnreadableJSON as error:
            return Row(record, None, faults=[error.fault])
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


def batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The rows, so many or so many bytes of them at a time; a line that is not wholly read ends its batch."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        batch.append(row)
        size += len(row.record.raw)
        if len(batch) == BATCH_ROWS or size > BATCH_BYTES or row.record.rest:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
