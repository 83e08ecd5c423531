"""The lines of a stream of bytes, numbered, none of them held beyond a limit."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

LONGEST_LINE = 2**20
PIECE = 2**19
BOM = b"\xef\xbb\xbf"


class Stream(Protocol):
    def read1(self, size: int, /) -> bytes:
        """What is there, and nothing at the end."""


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
    """Reads the lines one by one; those put back come again.

    `at_hand` shows those that are read already, for who takes many at a time and then says how many with `take`.
    """

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.number = 0
        self.waiting: deque[Line] = deque()
        self.rest: Iterator[bytes] = iter(())
        self.read: list[bytes] = []
        self.taken = 0
        self.begins = True
        self.tail = b""
        """What is read of the line behind those, whose end is not."""

    def __next__(self) -> Line:
        if self.waiting:
            return self.waiting.popleft()
        if self.taken == len(self.read) and not self.read_on():
            return self.last()
        self.number += 1
        raw = self.read[self.taken]
        self.taken += 1
        return Line(self.number, raw + b"\n", iter(()) if is_too_long(raw) else None)

    def last(self) -> Line:
        """What has no end: the last line, or one that is too long."""
        if not self.tail:
            raise StopIteration
        self.number += 1
        raw, self.tail = self.tail, b""
        if is_too_long(raw):
            self.rest = self._pieces()
            return Line(self.number, raw, self.rest)
        return Line(self.number, raw)

    def put_back(self, lines: list[Line]) -> None:
        self.waiting.extendleft(reversed(lines))

    def at_hand(self, most: int) -> list[bytes]:
        """The next lines without their ends, all of them short; none where the next one is to be taken by itself."""
        if self.waiting or (self.taken == len(self.read) and not self.read_on()):
            return []
        lines = self.read[self.taken : self.taken + most]
        if max(map(len, lines)) > LONGEST_LINE:
            return lines[: next(place for place, line in enumerate(lines) if len(line) > LONGEST_LINE)]
        return lines

    def take(self, count: int) -> None:
        self.number += count
        self.taken += count

    def give_back(self, lines: list[bytes]) -> None:
        """Have lines at hand once more that were taken; after them comes what has been read since."""
        self.number -= len(lines)
        self.read, self.taken = lines + self.read[self.taken :], 0

    def read_on(self) -> bool:
        """Read until there are whole lines; False at the end and where one is too long, which is in `tail` then."""
        for _piece in self.rest:
            pass
        while not is_too_long(self.tail) and (piece := self.piece()):
            self.keep(piece)
            if self.read:
                return True
        return False

    def piece(self) -> bytes:
        piece = self.stream.read1(PIECE)
        if self.begins:
            while 0 < len(piece) < len(BOM) and (more := self.stream.read1(PIECE)):
                piece += more
            self.begins = False
            piece = piece.removeprefix(BOM) or self.stream.read1(PIECE)
        return piece

    def keep(self, piece: bytes) -> None:
        """Part what was read into lines."""
        *self.read, self.tail = (self.tail + piece).split(b"\n")
        self.taken = 0

    def _pieces(self) -> Iterator[bytes]:
        """What follows up to the end of the line; the lines behind it come next."""
        while piece := self.stream.read1(PIECE):
            end = piece.find(b"\n") + 1
            yield piece[:end] if end else piece
            if end:
                self.keep(piece[end:])
                return


def is_too_long(raw: bytes) -> bool:
    return len(raw) > LONGEST_LINE and len(raw.rstrip(b"\r")) > LONGEST_LINE
