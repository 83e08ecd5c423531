"""Sets of audience numbers as roaring bitmaps, and a delta of changed audiences laid over them."""

import struct
import sys
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce

from pyroaring import BitMap as BitMap  # the one place that knows the library

from segments.expressions import And, AnyOf, Expression, Nobody, Not

EVERYONE = 0
"""The value that every audience has; those of attributes count from 1."""

SECTION = struct.Struct("<iI")
TOUCHED, FRESH = -2, -1

Find = Callable[[AnyOf], BitMap]
Everyone = Callable[[], BitMap]


class Damaged(Exception):
    """Bytes that were stored as a bitmap are none any more."""


@dataclass(frozen=True, slots=True)
class Delta:
    """The final states of some audiences: what `touched` have now, and nothing that they had before.

    `values` maps a value to those of `touched` that have it, EVERYONE to those that still exist. `fresh`
    are new audiences, which no bitmap from before the delta can hold. No part is ever altered in place.
    """

    touched: BitMap = field(default_factory=BitMap)
    fresh: BitMap = field(default_factory=BitMap)
    values: Mapping[int, BitMap] = field(default_factory=dict)

    def numbers(self, value: int) -> BitMap:
        return self.values.get(value, NONE)

    def pack(self) -> bytes:
        """Value, length and bitmap of each part, with a checksum before them all; `unpack` reads it."""
        parts = {TOUCHED: self.touched, FRESH: self.fresh, **self.values}
        body = b"".join(
            SECTION.pack(value, len(data)) + data for value, data in ((v, b.serialize()) for v, b in parts.items())
        )
        return zlib.crc32(body).to_bytes(4, "little") + body

    @classmethod
    def unpack(cls, packed: bytes) -> "Delta":
        """The delta; Damaged when these are not the bytes that were packed."""
        body = memoryview(packed)[4:]
        if zlib.crc32(body) != int.from_bytes(packed[:4], "little"):
            raise Damaged
        parts: dict[int, BitMap] = {}
        place = 0
        while place < len(body):
            value, length = SECTION.unpack_from(body, place)
            place += SECTION.size
            parts[value] = BitMap.deserialize(bytes(body[place : place + length]))
            place += length
        return cls(parts.pop(TOUCHED), parts.pop(FRESH), parts)


NONE = BitMap()
SHARD = 2**20
"""How many numbers one stored bitmap spans: a write of new audiences rewrites the last ones alone."""


def shards_of(numbers: BitMap) -> list[int]:
    """The shards that have some of the numbers."""
    if not numbers:
        return []
    spanned = range(numbers.min() // SHARD, numbers.max() // SHARD + 1)
    return [shard for shard in spanned if numbers.range_cardinality(shard * SHARD, (shard + 1) * SHARD)]


def whole(shard: int) -> BitMap:
    """All the numbers of a shard."""
    return BitMap(range(shard * SHARD, (shard + 1) * SHARD))


def combine(deltas: Sequence[Delta]) -> Delta:
    """One delta for several, given in the order in which they happened: the last state of each audience."""
    seen, fresh = BitMap(), BitMap()
    found: dict[int, list[BitMap]] = {}
    for delta in reversed(deltas):
        hidden = delta.touched & seen
        for value, numbers in delta.values.items():
            if visible := numbers - hidden if hidden else numbers:
                found.setdefault(value, []).append(visible)
        seen |= delta.touched
        fresh |= delta.fresh
    values = {value: parts[0] if len(parts) == 1 else BitMap.union(*parts) for value, parts in found.items()}
    return Delta(seen, fresh, values)


def members(tree: Expression, find: Find, everyone: Everyone) -> BitMap:
    """Those whom the tree selects; `find` says who has one of a clause's values."""
    match tree:
        case AnyOf():
            return find(tree)
        case And(parts):
            wanted, unwanted = sides(parts, find, everyone)
            return reduce(BitMap.difference, unwanted, reduce(BitMap.intersection, wanted))
        case Not(part):
            return everyone() - members(part, find, everyone)
        case Nobody():
            return BitMap()


def count(tree: Expression, find: Find, everyone: Everyone) -> int:
    """How many the tree selects, without making the last of its sets."""
    if not isinstance(tree, And):
        return len(members(tree, find, everyone))
    wanted, unwanted = sides(tree.parts, find, everyone)
    if not unwanted and len(wanted) > 1:
        *first, last = wanted
        return int(reduce(BitMap.intersection, first).intersection_cardinality(last))
    found = reduce(BitMap.intersection, wanted)
    *first, last = unwanted or [NONE]
    return int(reduce(BitMap.difference, first, found).difference_cardinality(last))


def sides(parts: Iterable[Expression], find: Find, everyone: Everyone) -> tuple[list[BitMap], list[BitMap]]:
    """Whom all of the parts want, from the smallest set to the largest, and whom they leave out."""
    wanted = [members(part, find, everyone) for part in parts if not isinstance(part, Not)]
    unwanted = [members(part.part, find, everyone) for part in parts if isinstance(part, Not)]
    return sorted(wanted, key=len) or [everyone()], unwanted


def either(sets: list[BitMap]) -> BitMap:
    return sets[0] if len(sets) == 1 else BitMap.union(*sets) if sets else NONE


def leaves(tree: Expression) -> Iterator[AnyOf]:
    match tree:
        case AnyOf():
            yield tree
        case And(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)


def bitmap_of(network_order: bytes) -> BitMap:
    """The numbers from four bytes each, the highest first, as PostgreSQL sends them."""
    numbers = array("I", network_order)
    if sys.byteorder == "little":
        numbers.byteswap()
    return BitMap(numbers)


def grouped(numbers: Sequence[int], value_ids: str) -> dict[int, BitMap]:
    """Which numbers have each value, and EVERYONE; their value ids are PostgreSQL's arrays, one behind the other."""
    found: dict[str, list[int]] = {}
    for number, listed in zip(numbers, value_ids[1:-1].split("}{"), strict=True):
        for value in listed.split(","):
            if value in found:
                found[value].append(number)
            else:
                found[value] = [number]
    found.pop("", None)  # whoever has no values
    return {EVERYONE: numbers_of(numbers), **{int(value): numbers_of(having) for value, having in found.items()}}


def numbers_of(numbers: Iterable[int]) -> BitMap:
    return BitMap(array("I", numbers))


def checksum(data: bytes) -> int:
    return zlib.crc32(data)


def read_bitmap(data: bytes, expected: int) -> BitMap:
    """A stored bitmap; Damaged when its checksum is another one. The library notices 98 of 100 flipped bits."""
    if checksum(data) != expected:
        raise Damaged
    return BitMap.deserialize(data)
