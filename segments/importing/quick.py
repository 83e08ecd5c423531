"""The lines of a file of audiences that are plainly right, read in bulk by what was made of their like before.

Whatever is not plainly right is left to the exact reader, which reads all other files too: so both say the same.
Nothing here needs Django or the database, so that it can be done in a process that has neither.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from segments.contract import AUDIENCE
from segments.importing.copying import escaped
from segments.importing.seen import MOST_MEMORY, Label, Numbers, Odd, Seen
from segments.shapes import Wrong

PLAIN = r"[!-.0-\[\]-~]{1,128}+"
PLAIN_ID = re.compile(rf"(?!\.{{1,2}}\Z){PLAIN}").fullmatch
PLAIN_IDS = re.compile(rf"(?:(?!\.{{1,2}}\n){PLAIN}\n)*+").fullmatch
"""Whether each of several ids, with a new line behind it, is a plain one."""

Ready = tuple[int, str, str]
"""The line of a row, its id, and the row for COPY."""


class Asked(Protocol):
    """Knows what stands in the database."""

    def find(self, labels: set[Label]) -> Mapping[Label, int]:
        """The store's numbers of these values."""

    def aliases(self, code: str) -> Mapping[str, str]:
        """The texts of an attribute that are read as others."""

    def known(self, codes: Collection[str]) -> Collection[str]:
        """Those of these codes that the import takes."""

    def has_doubts(self) -> bool:
        """Whether a line that is right may be one too much for its audience."""

    def doubtful(self, keys: Sequence[str]) -> Collection[str]:
        """Those of these audiences of whom that is so."""


@dataclass(frozen=True)
class Taken:
    """How many of some lines were read, the numbers of the odd ones among them, and the rows of the others for COPY."""

    count: int
    odd: Sequence[int]
    ready: int
    rows: bytes


class Quick(ABC):
    """Reads the lines of one file, some at a time."""

    columns: ClassVar[tuple[str, ...]]
    """The columns of the rows behind line and key; the last two are the properties and their value ids."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.is_brief = False
        self.numbers = Numbers(asked.find)
        self.ready: list[Ready] = []

    def read(self, first: int, lines: Sequence[bytes], *, is_brief: bool = False) -> Taken:
        """Read lines, of which the first has this number, up to one that may not be a record by itself.

        Where it is to be brief properties are left out, an empty text, as they can be made from value ids.
        """
        self.is_brief = is_brief
        count, odd = self.look_at(first, lines)
        self.numbers.fetch()
        ready, self.ready = [*self.ready, *self.put_off()], []
        if ready and self.asked.has_doubts():
            doubtful = self.asked.doubtful([key for _line, key, _row in ready])
            odd = sorted([*odd, *(line for line, key, _row in ready if key in doubtful)])
            ready = [each for each in ready if each[1] not in doubtful]
        self.make_room()
        return Taken(count, odd, len(ready), "".join([row for _line, _key, row in ready]).encode())

    def make_room(self) -> None:
        """Let go of what stood in the file when all that is kept takes too much, and of values where these do."""
        numbers = self.numbers
        if numbers.memory > MOST_MEMORY / 2:
            self.forget()
            numbers.forget()
        elif numbers.memory + numbers.cell_memory > MOST_MEMORY:
            for attribute in self.attributes_seen():
                attribute.forget()
            numbers.cell_memory = 0

    @abstractmethod
    def look_at(self, first: int, lines: Sequence[bytes]) -> tuple[int, list[int]]:
        """Put the rows that are plainly right into `ready`; how many lines were read, and which of them are odd."""

    @abstractmethod
    def put_off(self) -> Iterator[Ready]:
        """The rows that waited for numbers, which are there by now."""

    @abstractmethod
    def attributes_seen(self) -> Iterable[Seen]:
        """All that keep what stood in the file."""

    @abstractmethod
    def forget(self) -> None:
        """Let go of these."""


def key_of(audience_id: str) -> str:
    """The id as COPY takes it; Odd when it is none."""
    if PLAIN_ID(audience_id):
        return audience_id
    try:
        return escaped(AUDIENCE.fields["id"].read(audience_id, "/id"))
    except Wrong:
        raise Odd from None


def braced(members: Iterable[str]) -> str:
    """The properties or the value ids of a row as COPY takes them; each member has a comma before it."""
    return f"{{{''.join(members)[1:]}}}"
