"""A block of ids in order, with the numbers of their audiences: which of them are members, written one to a line."""

import zlib
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np  # gathers bits of members by the million; the one place that knows the library
from numpy.typing import NDArray

from segments.store.roaring import SHARD, BitMap, Damaged, shards_of, whole

Flags = NDArray[np.uint8]
LF = 10


def flags_of(members: BitMap, below: int) -> Flags:
    """A bit for each number `below`, eight to a byte from the lowest on, set for members, who have such numbers."""
    flags = np.zeros((below + SHARD - 1) // SHARD * SHARD // 8, np.uint8)
    for shard in shards_of(members):
        first, here = shard * SHARD, np.zeros(SHARD, np.bool_)
        here[np.frombuffer((members & whole(shard)).to_array(), np.uint32) - np.uint32(first)] = True
        flags[first // 8 : (first + SHARD) // 8] = np.packbits(here, bitorder="little")
    return flags


def pack_numbers(numbers: list[int]) -> bytes:
    return np.array(numbers, "<u4").tobytes()


def checksum(numbers: bytes, lines: bytes) -> int:
    return zlib.crc32(lines, zlib.crc32(numbers))


@dataclass(frozen=True, slots=True)
class Block:
    """Ids in code point order, in UTF-8, an LF after each; `numbers` in the same order.

    `starts` says where each line begins and the last one ends; None where all lines are as long as the first.
    """

    numbers: NDArray[np.uint32]
    lines: bytes
    starts: NDArray[np.uint32] | None

    @classmethod
    def unpack(cls, numbers: bytes, lines: bytes, expected: int) -> "Block":
        """The block; Damaged when these are not the bytes that were stored."""
        if checksum(numbers, lines) != expected:
            raise Damaged
        told = np.frombuffer(numbers, "<u4")
        width = lines.index(LF) + 1
        if len(lines) == len(told) * width and lines[width - 1 :: width].count(LF) == len(told):
            return cls(told, lines, None)
        ends = np.flatnonzero(np.frombuffer(lines, np.uint8) == LF) + 1
        return cls(told, lines, np.concatenate([[0], ends]).astype(np.uint32))

    @property
    def memory(self) -> int:
        """How many bytes it takes."""
        return self.numbers.nbytes + len(self.lines) + (0 if self.starts is None else self.starts.nbytes)

    @property
    def width(self) -> int:
        """How long a line is where all are."""
        return len(self.lines) // len(self.numbers)

    def id_at(self, place: int) -> bytes:
        if self.starts is None:
            return self.lines[place * self.width : (place + 1) * self.width - 1]
        return self.lines[self.starts[place] : self.starts[place + 1] - 1]

    def chosen(self, flags: Flags, after: bytes) -> bytes:
        """The lines of those who are flagged and beyond `after`."""
        picked = (flags[self.numbers >> 3] >> (self.numbers & 7).astype(np.uint8)) & 1
        if after:
            picked[: bisect_right(range(len(picked)), after, key=self.id_at)] = 0
        if self.starts is None:
            chosen: bytes = np.frombuffer(self.lines, f"V{self.width}")[picked.view(np.bool_)].tobytes()
            return chosen
        # Neighbours who are all in, or all out, are one step.
        edges = self.starts[np.flatnonzero(np.diff(picked, prepend=0, append=0))].tolist()
        return b"".join([self.lines[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)])
