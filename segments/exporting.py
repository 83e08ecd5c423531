"""A segment's members as a file: CSV or NDJSON, streamed from one view of the store in flat memory."""

import csv
import io
import json
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from threading import BoundedSemaphore

from django.conf import settings

from segments.exceptions import ExportsBusy
from segments.matching import clauses_of, compile_all
from segments.models import AudienceSegment
from segments.store import store

ROOM = BoundedSemaphore(settings.A2_EXPORTS)
ENCODER = json.JSONEncoder(ensure_ascii=False)


@dataclass(frozen=True)
class Format:
    """A kind of file: how it begins, and how ids that stand on a line each are written in it, in UTF-8."""

    media_type: str
    header: bytes
    lines: Callable[[bytes], bytes]


def export(
    segment: AudienceSegment, form: Format, after: str | None = None, limit: int | None = None
) -> Generator[bytes]:
    """The file of the members beyond `after`, in pieces of whole lines, in code point order of their ids.

    Close it when it is not read to its end: until then it holds a view of the store. Failures come out of it as
    they are; what was read before one is not the whole file.
    """
    tree = compile_all([clauses_of(segment)])[0].tree
    with store().snapshot(lasting=True) as view:
        pieces = view.lines(tree, after, limit)
        yield form.header + form.lines(next(pieces, b""))
        yield from map(form.lines, pieces)


def in_turn(pieces: Generator[bytes]) -> Generator[bytes]:
    """A file for a reader elsewhere, who may be slow; ExportsBusy while A2_EXPORTS of them are read from this process.

    So there are always threads for the short requests.
    """
    if not ROOM.acquire(blocking=False):
        raise ExportsBusy
    try:
        yield from pieces
    finally:
        ROOM.release()


class Started:
    """A file whose first piece is made already: what fails before it is a refusal with a status and a body."""

    def __init__(self, pieces: Generator[bytes]) -> None:
        self.pieces = pieces
        self.first = next(pieces)

    def __iter__(self) -> Iterator[bytes]:
        yield self.first
        yield from self.pieces

    def close(self) -> None:
        """Let go of the view of the store; Django calls it also when the client went away."""
        self.pieces.close()


def csv_lines(ids: bytes) -> bytes:
    """Ids are opaque: one that a spreadsheet would run as a formula is written as it is."""
    if b"," not in ids and b'"' not in ids:
        return ids
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([audience_id] for audience_id in ids.decode().split("\n")[:-1])
    return text.getvalue().encode()


def json_lines(ids: bytes) -> bytes:
    """Without quotes and backslashes in them, ids need quotes around them alone: they have no control characters."""
    if ids and b'"' not in ids and b"\\" not in ids:
        return b'"' + ids[:-1].replace(b"\n", b'"\n"') + b'"\n'
    return "".join(f"{ENCODER.encode(audience_id)}\n" for audience_id in ids.decode().split("\n")[:-1]).encode()


FORMATS = {
    "csv": Format("text/csv", b"id\n", csv_lines),
    "ndjson": Format("application/x-ndjson", b"", json_lines),
}
