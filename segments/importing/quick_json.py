"""Lines of JSON that are plainly right: Audience objects as A2 and we answer them."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import orjson

from segments.border import is_in_range, parse_json, unsafe
from segments.contract import AUDIENCE
from segments.exceptions import UnreadableJSON
from segments.importing.copying import NULL, escaped
from segments.importing.quick import Asked, Quick, Ready, braced, key_of
from segments.importing.seen import ENTRY, Odd, Seen, Unnumbered
from segments.labels import MAX_CODES, canonical_properties, nfc
from segments.shapes import Wrong

SENT, UNSENT = "t", "f"
BEYOND_INTEGERS = 2**63
"""A float from here on may stand in the file as an integer that does not fit."""

Cells = list[tuple[Seen, str | bytes]]


class QuickJSON(Quick):
    """One that is strict takes no codes but those that the catalogue has."""

    columns = ("id_type", "sends_id_type", "alt_id", "sends_alt_id", "created_at", "properties", "value_ids")

    def __init__(self, is_strict: bool, asked: Asked) -> None:
        super().__init__(asked)
        self.is_strict = is_strict
        self.waiting: list[tuple[int, str, str, Cells]] = []
        self.forget()

    def attributes_seen(self) -> Iterable[Seen]:
        return self.attributes.values()

    def forget(self) -> None:
        self.attributes: dict[str, Seen] = {}
        self.unknown: set[str] = set()

    def look_at(self, first: int, lines: Sequence[bytes]) -> tuple[int, list[int]]:
        if self.is_strict:
            self.forget()  # an attribute may have been deleted since
        odd: list[int] = []
        for number, line in enumerate(lines, first):
            try:
                self.take(number, line)
            except Odd:
                odd.append(number)
        return len(lines), odd

    def take(self, number: int, line: bytes) -> None:
        value, quotes = parsed(line)
        fields, strings = fields_of(value, plain=quotes is not None)
        cells: Cells = []
        for code, member in value.get("properties", {}).items():
            if type(member) is str:
                strings += 1
            elif type(member) is list:
                strings += [*map(type, member)].count(str)
            seen = self.attributes[code] if code in self.attributes else self.attribute(code)
            cells.append((seen, read_as(member)))
        if quotes is not None and quotes != 2 * (len(value) + len(cells) + strings):
            raise Odd  # a key stands twice in one object, of which the parser has kept one
        self.put(number, value, fields, cells)

    def put(self, number: int, value: dict[str, Any], fields: str, cells: Cells) -> None:
        audience_id, key = value["id"], key_of(value["id"])
        if "properties" not in value:
            self.ready.append((number, audience_id, f"{number}\t{key}\t{fields}\t{NULL}\t{NULL}\n"))
            return
        try:
            self.ready.append((number, audience_id, self.row(number, key, fields, cells)))
        except Unnumbered:
            self.want(cells)
            self.waiting.append((number, audience_id, fields, cells))

    def want(self, cells: Cells) -> None:
        """Want all the numbers that a line needs."""
        for seen, cell in cells:
            try:
                seen[cell]
            except Unnumbered:
                continue

    def put_off(self) -> Iterator[Ready]:
        for number, audience_id, fields, cells in self.waiting:
            yield number, audience_id, self.row(number, key_of(audience_id), fields, cells)
        self.waiting = []

    def row(self, number: int, key: str, fields: str, cells: Cells) -> str:
        value_ids = braced([seen[cell] for seen, cell in cells])
        properties = "" if self.is_brief else braced([seen.properties[cell] for seen, cell in cells])
        return f"{number}\t{key}\t{fields}\t{properties}\t{value_ids}\n"

    def attribute(self, code: str) -> Seen:
        """A code that is new; Odd for one that is wrong, unknown, or spelled otherwise than it is kept."""
        if code in self.unknown or nfc(code) != code or canonical_properties({code: "x"}, unsafe)[1]:
            raise Odd
        if self.is_strict and not self.asked.known([code]):
            self.unknown.add(code)
            raise Odd
        self.numbers.memory += ENTRY
        self.attributes[code] = Seen(code, self.numbers, parts_of, self.asked.aliases(code))
        return self.attributes[code]


def parsed(line: bytes) -> tuple[dict[str, Any], int | None]:
    """The object in a line, and how many quotes the line has where that tells how many strings; or Odd.

    The quick parser takes a key twice in one object, which is wrong; so the strings are counted, each of which has
    two quotes where there are no backslashes.
    """
    try:
        value, quotes = (parse_json(line), None) if b"\\" in line else (orjson.loads(line), line.count(b'"'))
    except (UnreadableJSON, orjson.JSONDecodeError, RecursionError):
        raise Odd from None
    if type(value) is not dict or type(value.get("properties", {})) is not dict:
        raise Odd
    if len(value.get("properties", {})) > MAX_CODES:
        raise Odd
    return value, quotes


def fields_of(value: dict[str, Any], *, plain: bool) -> tuple[str, int]:
    """The fields but `id` and `properties` as COPY takes them, and how many strings they and the id are; or Odd."""
    if not AUDIENCE.fields.keys() >= value.keys() or type(value.get("id")) is not str:
        raise Odd
    alt_id, strings = alt_id_of(value.get("alt_id"), plain=plain)
    try:
        id_type, created_at = id_type_of(value.get("id_type")), moment_of(value.get("created_at"))
        moment_of(value.get("updated_at"))
    except (Wrong, TypeError):  # what is no text may be none that could have been seen before
        raise Odd from None
    strings += [type(value.get(name)) for name in ("id", "id_type", "created_at", "updated_at")].count(str)
    sent = [SENT if name in value else UNSENT for name in ("id_type", "alt_id")]
    return "\t".join((id_type, sent[0], alt_id, sent[1], created_at)), strings


@lru_cache(maxsize=1_000)
def id_type_of(value: str | None) -> str:
    """An id_type as COPY takes it; raises Wrong."""
    return NULL if value is None else escaped(AUDIENCE.fields["id_type"].read(value, "/id_type"))


def moment_of(value: str | None) -> str:
    """A date as COPY takes it; raises Wrong."""
    return NULL if value is None else AUDIENCE.fields["created_at"].read(value, "/created_at").isoformat()


def alt_id_of(value: Any, *, plain: bool) -> tuple[str, int]:
    """Other ids as COPY takes them, and how many strings they are; Odd unless they are plain texts."""
    if value is None:
        return NULL, 0
    if not plain or type(value) is not dict or not {*map(type, value.values())} <= {str}:
        raise Odd
    return escaped(orjson.dumps(value).decode()), 2 * len(value)


def read_as(member: Any) -> str | bytes:
    """What is seen again as the same; texts are themselves, and other JSON is written down: 1, 1.0 and true are not."""
    if type(member) is str:
        return member
    try:
        return orjson.dumps(member)
    except TypeError:  # half a surrogate pair, or an integer beyond 64 bits
        raise Odd from None


def parts_of(cell: str | bytes) -> list[Any]:
    """The values that a member lists; Odd where a number among them may be too large."""
    if isinstance(cell, str):
        return [cell]
    member = orjson.loads(cell)
    parts = member if isinstance(member, list) else [member]
    for part in parts:
        if isinstance(part, int | float) and not (is_in_range(part) and abs(part) < BEYOND_INTEGERS):
            raise Odd
    return parts
