"""All ids in order, in blocks: what members are written from, without a look at the rows.

An audience keeps its number, and no other one ever gets it. So what an edition says stays true, whatever is written
after it: who was erased since is in no view any more, and who came since has a number from `horizon` on and is read
from the rows. A view reads the edition that its own snapshot of the database shows.
"""

import uuid
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock

from django.conf import settings

from segments.models import IdBlock, IdEdition
from segments.store.blocks import Block, flags_of
from segments.store.database import fetch_all, fetch_binary
from segments.store.roaring import BitMap, Damaged

EDITION, BLOCK = IdEdition._meta.db_table, IdBlock._meta.db_table
MIB = 2**20


@dataclass
class Edition:
    """One making of the blocks; those that were read are kept as far as A2_ID_CACHE_MB goes."""

    id: uuid.UUID
    horizon: int
    firsts: Sequence[bytes]
    kept: dict[int, Block] = field(default_factory=dict)
    memory: int = 0
    lock: Lock = field(default_factory=Lock)

    def lines(self, members: BitMap, newer: Sequence[bytes], after: bytes) -> Iterator[bytes]:
        """The ids of members beyond `after`, in pieces of whole lines; `newer` are those it does not have, in order.

        Damaged, where a block is; what came before it is right.
        """
        flags = flags_of(members, self.horizon)
        begin = max(bisect_right(self.firsts, after) - 1, 0)
        for place in range(begin, len(self.firsts)):
            piece = self.block(place).chosen(flags, after)
            end = len(newer) if place + 1 == len(self.firsts) else bisect_left(newer, self.firsts[place + 1])
            if between := newer[bisect_left(newer, self.firsts[place]) if place > begin else 0 : end]:
                piece = b"".join(each + b"\n" for each in sorted([*piece.split(b"\n")[:-1], *between]))
            if piece:
                yield piece

    def block(self, place: int) -> Block:
        """The block, from the database where it is not kept. Nothing that is kept makes way: all are read in turn."""
        if found := self.kept.get(place):
            return found
        query = f"SELECT numbers, ids, checksum FROM {BLOCK} WHERE edition = %s AND place = %s"
        rows = fetch_binary(query, [self.id, place])
        if not rows:
            raise Damaged
        block = Block.unpack(*rows[0])
        with self.lock:
            if place not in self.kept and self.memory + block.memory <= settings.A2_ID_CACHE_MB * MIB:
                self.kept[place] = block
                self.memory += block.memory
        return block


class Shelf:
    """The edition that this process has read last."""

    def __init__(self) -> None:
        self.edition: Edition | None = None

    def current(self, epoch: uuid.UUID) -> Edition | None:
        """The edition that the transaction shows, if there is one of this epoch."""
        found = fetch_all(f"SELECT id, horizon FROM {EDITION} WHERE epoch = %s ORDER BY made_at DESC LIMIT 1", [epoch])
        if not found:
            return None
        ((edition, horizon),) = found
        kept = self.edition
        if kept is None or kept.id != edition:
            firsts = fetch_all(f"SELECT first FROM {BLOCK} WHERE edition = %s ORDER BY place", [edition])
            kept = self.edition = Edition(edition, horizon, [first.encode() for (first,) in firsts])
        return kept


SHELF = Shelf()
