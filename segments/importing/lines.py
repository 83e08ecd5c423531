"""The lines of a stream of bytes, numbered, none of them held beyond a limit."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

LONGEST_LINE = 2**20
PIECE = 2**16
BOM = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Line:
    """A line as it stands, with its end; of one that is too long the beginning, and the `rest` as it is asked for."""

    number: int
    raw: bytes
    rest: Iterator[bytes] | None = None

    @property
    def is_blank(self) -> bool:
        """Whether it has nothing but spaces and its end."""
        return not self.raw.strip(b" \r\n")


class Lines(Iterator[Line]):
    """Reads the lines one by one; those put back come again."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.number = 0
        self.waiting: deque[Line] = deque()
        self.rest: Iterator[bytes] = iter(())

    def __next__(self) -> Line:
        if self.waiting:
            return self.waiting.popleft()
        for _piece in self.rest:
            pass
        raw = self.stream.readline(LONGEST_LINE + 2)
        if not raw:
            raise StopIteration
        self.number += 1
        if self.number == 1:
            raw = raw.removeprefix(BOM)
        if len(raw) <= LONGEST_LINE or len(raw.rstrip(b"\r\n")) <= LONGEST_LINE:
            return Line(self.number, raw)
        self.rest = self._pieces(raw)
        return Line(self.number, raw, self.rest)

    def put_back(self, lines: list[Line]) -> None:
        self.waiting.extendleft(reversed(lines))

    def _pieces(self, piece: bytes) -> Iterator[bytes]:
        """What follows this piece up to the end of its line."""
        while piece and not piece.endswith(b"\n"):
            piece = self.stream.readline(PIECE)
            if piece:
                yield piece
