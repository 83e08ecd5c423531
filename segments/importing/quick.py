"""The lines of a file of audiences that are plainly right, read in bulk by what was made of their like before.

Whatever is not plainly right is left to the exact reader, which reads all other files too: so both say the same.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar

from segments.contract import AUDIENCE
from segments.importing.seen import MOST_MEMORY, Numbers, Odd, Piece
from segments.importing.staging import escaped
from segments.shapes import Wrong

PLAIN_ID = re.compile(r"(?!\.{1,2}\Z)[!-.0-\[\]-~]{1,128}").fullmatch

NULL = r"\N"

Ready = tuple[int, str, str]
"""The line of a row, its id, and the row for COPY."""

Aliases = Callable[[str], Mapping[str, str]]
"""The texts of an attribute that are read as others."""


class Quick(ABC):
    """Reads the lines of one file, a batch at a time, which `finish` ends."""

    columns: ClassVar[tuple[str, ...]]

    def __init__(self, numbers: Numbers, aliases: Aliases) -> None:
        self.numbers = numbers
        self.aliases = aliases
        self.ready: list[Ready] = []

    @abstractmethod
    def read(self, first: int, lines: list[bytes]) -> tuple[int, list[int]]:
        """Read lines, of which the first has this number, up to one that may not be a record by itself.

        How many were read, and the numbers of those among them that are odd.
        """

    @abstractmethod
    def put_off(self) -> Iterator[Ready]:
        """The rows that waited for numbers, which are there by now."""

    @abstractmethod
    def forget(self) -> None:
        """Let go of what was seen."""

    def finish(self) -> list[Ready]:
        """The rows of the batch."""
        self.numbers.fetch()
        ready, self.ready = [*self.ready, *self.put_off()], []
        if self.numbers.memory > MOST_MEMORY:
            self.forget()
            self.numbers.forget()
        return ready


def key_of(audience_id: str) -> str:
    """The id as COPY takes it; Odd when it is none."""
    if PLAIN_ID(audience_id):
        return audience_id
    try:
        return escaped(AUDIENCE.fields["id"].read(audience_id, "/id"))
    except Wrong:
        raise Odd from None


def members(pieces: Sequence[Piece]) -> tuple[str, str]:
    """The properties and the value ids of a row, as COPY takes them."""
    properties, value_ids = map("".join, zip(("", ""), *pieces, strict=True))
    return f"{{{properties[1:]}}}", f"{{{value_ids[1:]}}}"
