"""The stored bitmaps as this process keeps them."""

import logging
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock

from django.conf import settings

from segments.models import AudienceBitmap, AudienceHead
from segments.store import roaring
from segments.store.database import FOUR_BYTES, fetch_all
from segments.store.roaring import EVERYONE, NONE, BitMap, Damaged
from segments.store.rows import AUDIENCE

MIB = 2**20
BITMAP, HEAD = AudienceBitmap._meta.db_table, AudienceHead._meta.db_table

FROM_ROWS = f"""
    SELECT value, string_agg({FOUR_BYTES}, '')
    FROM {AUDIENCE}, unnest(value_ids || {EVERYONE}) AS value WHERE {{}} GROUP BY value"""
MEND = "Type: manage.py rebuild_index"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stored:
    """A bitmap as it was at write `seq`, and how many bytes it takes."""

    bitmap: BitMap
    seq: int
    bytes: int


class Outdated(Exception):
    """The stored bitmaps are of a later moment than the view, which was opened in an earlier statement."""


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

    def get(self, values: Iterable[int], seq: int, *, one_moment: bool) -> dict[int, BitMap]:
        """The bitmaps of these values as they were at write `seq` or before; Outdated when there are none such.

        `one_moment` says that the transaction shows all that it reads as of write `seq`, and nothing of its own.
        A thread with an older view must not use what another has loaded since, and reads its own.
        """
        wanted = set(values)
        with self.lock:
            found = {value: self.bitmaps[value].bitmap for value in wanted if self.has(value, seq)}
            for value in found:
                self.bitmaps.move_to_end(value)
        if missing := wanted - found.keys():
            loaded = load(missing, seq, one_moment=one_moment)
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


def load(values: Iterable[int], seq: int, *, one_moment: bool) -> dict[int, Stored]:
    """The stored bitmaps of these values, or Outdated; damaged ones are made again from the rows."""
    shards: dict[int, list[BitMap]] = {value: [] for value in values}
    sizes = dict.fromkeys(shards, 0)
    damaged = set()
    rows = fetch_all(
        f"SELECT greatest(base_seq, stored.seq), value, shard, data, checksum"
        f" FROM {HEAD} LEFT JOIN {BITMAP} AS stored ON value = ANY(%s)",
        [list(shards)],
    )
    written = max(row[0] for row in rows)
    if written > seq:
        raise Outdated
    for _written, value, shard, data, expected in rows:
        if value is None:
            continue
        sizes[value] += len(data)
        try:
            shards[value].append(roaring.read_bitmap(bytes(data), expected))
        except Damaged:
            log.error("The bitmap of value %d, shard %d is damaged; rows answer. %s", value, shard, MEND)
            damaged.add(value)
    if damaged and not one_moment:
        raise Outdated
    sound = {value: Stored(joined(bitmaps), written, sizes[value]) for value, bitmaps in shards.items()}
    again = from_rows(damaged) if damaged else {}
    return sound | {value: Stored(again.get(value, NONE), seq, sizes[value]) for value in damaged}


def joined(shards: list[BitMap]) -> BitMap:
    return shards[0] if len(shards) == 1 else BitMap.union(*shards) if shards else NONE


def from_rows(values: Iterable[int]) -> dict[int, BitMap]:
    """The numbers of those who have each of these values, read from the rows."""
    having = "value = ANY(%(values)s) AND (value_ids && %(values)s::int[] OR 0 = ANY(%(values)s))"
    rows = fetch_all(FROM_ROWS.format(having), {"values": list(values)})
    return {value: roaring.bitmap_of(bytes(numbers)) for value, numbers in rows}
