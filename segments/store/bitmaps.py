"""The stored bitmaps as this process keeps them."""

import logging
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock

from django.conf import settings
from pyroaring import BitMap

from segments.models import AudienceBitmap, AudienceHead
from segments.store import roaring
from segments.store.database import FOUR_BYTES, fetch_all
from segments.store.roaring import EVERYONE, NONE, Damaged
from segments.store.rows import AUDIENCE

MIB = 2**20
BITMAP, HEAD = AudienceBitmap._meta.db_table, AudienceHead._meta.db_table

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stored:
    """A bitmap as it was at write `seq`, and how many bytes it takes."""

    bitmap: BitMap
    seq: int
    bytes: int


class Outdated(Exception):
    """The stored bitmaps are of a later write than the view, as a compaction has come between."""


class Base:
    """Stored bitmaps by value, loaded when they are first asked for and kept as far as A2_BITMAP_CACHE_MB goes.

    Each is of some write from `floor` on, where the deltas laid over them begin: a delta says final states, and
    may be applied to a bitmap that has it already. `ids` are the numbers of values that were asked for.
    """

    def __init__(self, floor: int) -> None:
        self.floor = floor
        self.ids: dict[tuple[str, str], int] = {}
        self.bitmaps: OrderedDict[int, Stored] = OrderedDict()
        self.bytes = 0
        self.lock = Lock()

    def get(self, values: Iterable[int], seq: int) -> dict[int, BitMap]:
        """The bitmaps of these values as they were at write `seq` or before; Outdated when there are none such.

        A thread with an older view must not use what another has loaded since, and reads its own.
        """
        wanted = set(values)
        with self.lock:
            found = {value: self.bitmaps[value].bitmap for value in wanted if self.has(value, seq)}
            for value in found:
                self.bitmaps.move_to_end(value)
        if missing := wanted - found.keys():
            loaded = load(missing, seq)
            self.keep(loaded)
            found |= {value: stored.bitmap for value, stored in loaded.items()}
        return found

    def has(self, value: int, seq: int) -> bool:
        return value in self.bitmaps and self.bitmaps[value].seq <= seq

    def keep(self, loaded: dict[int, Stored]) -> None:
        """Keep what was loaded, and let go of what was asked for longest ago."""
        with self.lock:
            for value, stored in loaded.items():
                if value not in self.bitmaps:
                    self.bitmaps[value] = stored
                    self.bytes += stored.bytes
            while self.bytes > settings.A2_BITMAP_CACHE_MB * MIB and len(self.bitmaps) > 1:
                _value, oldest = self.bitmaps.popitem(last=False)
                self.bytes -= oldest.bytes


def load(values: Iterable[int], seq: int) -> dict[int, Stored]:
    """The stored bitmaps of these values; a damaged one is made again from rows. Outdated when they are too new."""
    shards: dict[int, list[BitMap]] = {value: [] for value in values}
    sizes = dict.fromkeys(shards, 0)
    rows = fetch_all(
        f"SELECT greatest(base_seq, stored.seq), value, shard, data, checksum"
        f" FROM {HEAD} LEFT JOIN {BITMAP} AS stored ON value = ANY(%s)",
        [list(shards)],
    )
    written = max(row[0] for row in rows)
    if written > seq:
        raise Outdated
    for _written, value, shard, data, expected in rows:
        if value is not None:
            shards[value].append(read_shard(value, shard, bytes(data), expected))
            sizes[value] += len(data)
    return {value: Stored(joined(bitmaps), written, sizes[value]) for value, bitmaps in shards.items()}


def read_shard(value: int, shard: int, data: bytes, expected: int) -> BitMap:
    try:
        return roaring.read_bitmap(data, expected)
    except Damaged:
        log.error("The bitmap of value %d, shard %d is damaged; it was counted anew. Type: manage.py rebuild_index",
                  value, shard)  # fmt: skip
        return from_rows(value)


def joined(shards: list[BitMap]) -> BitMap:
    return shards[0] if len(shards) == 1 else BitMap.union(*shards) if shards else NONE


def from_rows(value: int) -> BitMap:
    """The numbers of those who have a value, read from their rows."""
    where = "" if value == EVERYONE else "WHERE value_ids @> ARRAY[%s]"
    found = fetch_all(
        f"SELECT string_agg({FOUR_BYTES}, '' ORDER BY number) FROM {AUDIENCE} {where}", [value] * bool(where)
    )
    return roaring.bitmap_of(bytes(found[0][0] or b""))
