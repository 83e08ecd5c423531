"""What the exact reader has made of the values of an attribute, kept so that it need not read the same one again.

A file has millions of cells and few different ones. Each is read once, and what that makes of it is kept as COPY takes
it: as the numbers of its values, and as a piece of JSON.
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import orjson

from segments.border import unsafe
from segments.importing.copying import escaped
from segments.labels import MAX_VALUES, canonical_properties

Label = tuple[str, str]
Piece = tuple[str, str]
"""An attribute with its values as a member of an object and as members of an array, each behind a comma."""

MOST_MEMORY = 48 * 2**20
ENTRY = 400  # bytes that an entry takes beside its texts
COPIES = 4  # how often a text stands in one
PLAIN_LABEL = re.compile(r"[!-~](?:[ -~]{0,998}[!-~])?").fullmatch
"""What is its own canonical text, for sure."""


class Odd(Exception):
    """Not plainly right: whether it is wrong, and why, is for the exact reader to say."""


class Unnumbered(Exception):
    """Some of the values have no number yet."""


class Numbers(dict[Label, int]):
    """The store's numbers of values, as far as they were asked for; `find` gets those that are wanted.

    `memory` is about how many bytes these and what else is kept of values take, and `cell_memory` what cells take.
    """

    def __init__(self, find: Callable[[set[Label]], Mapping[Label, int]]) -> None:
        self.find = find
        self.wanted: set[Label] = set()
        self.memory = self.cell_memory = 0

    def want(self, code: str, texts: Collection[str]) -> bool:
        """Whether there are numbers for all of these; those that there are not are wanted from now on."""
        # Not a difference from the keys, which goes through all of them.
        missing = {label for text in texts if (label := (code, text)) not in self}
        self.wanted |= missing
        return not missing

    def fetch(self) -> None:
        """Get the numbers that are wanted, all at once."""
        if self.wanted:
            self.update(self.find(self.wanted))
            self.memory += ENTRY * len(self.wanted)
            self.wanted = set()

    def forget(self) -> None:
        self.clear()
        self.memory = self.cell_memory = 0


class Seen(dict[Any, str]):
    """The value ids of one attribute, by what stood in the file; what is new is read as it is asked for.

    The values as JSON are in `properties` from then on. `parts` takes apart what stands for several values, and
    `aliases` are texts that are read as others. A part that is not plainly right raises Odd, one without number
    Unnumbered, when the numbers of all parts are wanted.
    """

    def __init__(
        self,
        code: str,
        numbers: Numbers,
        parts: Callable[[Any], Collection[Any]],
        aliases: Mapping[str, str],
    ) -> None:
        self.code = code
        self.aliases = aliases
        self.name = escaped(orjson.dumps(code).decode())
        self.numbers = numbers
        self.parts = parts
        self.members: dict[str, tuple[str, str]] = {}
        self.properties: dict[Any, str] = {}

    def __missing__(self, value: Any) -> str:
        parts = self.parts(value)
        if len(parts) > MAX_VALUES:
            raise Odd
        texts = {self.text(part) for part in parts}
        if not (texts <= self.members.keys() or self.numbers.want(self.code, texts)):
            raise Unnumbered
        self.properties[value], self[value] = self.piece(texts)
        self.numbers.cell_memory += 2 * ENTRY + COPIES * len(self.properties[value])
        return self[value]

    def forget(self) -> None:
        """Let go of what stood in the file; its values stay known."""
        self.clear()
        self.properties.clear()

    def text(self, part: Any) -> str:
        """The canonical text of a value, as it is read now."""
        if type(part) is str and PLAIN_LABEL(part):
            return self.aliases.get(part, part)
        properties, faults = canonical_properties({self.code: [part]}, unsafe)
        if faults:
            raise Odd
        (text,) = properties[self.code]
        return self.aliases.get(text, text)

    def piece(self, texts: Collection[str]) -> Piece:
        """These values, which have numbers."""
        if not texts:
            return "", ""
        members = [self.members.get(text) or self.member(text) for text in sorted(texts)]
        listed = ",".join([member for member, _number in members])
        return f",{self.name}:[{listed}]", "".join([number for _member, number in members])

    def member(self, text: str) -> tuple[str, str]:
        """A value as a member of a list, and its number behind a comma."""
        member = self.members[text] = (escaped(orjson.dumps(text).decode()), f",{self.numbers[self.code, text]}")
        self.numbers.memory += ENTRY
        return member


class Unread(dict[Any, str]):
    """The cells of a column that is skipped."""

    def __missing__(self, value: Any) -> str:
        return ""

    @property
    def properties(self) -> dict[Any, str]:
        return self
