"""Keeping the bitmaps: folding deltas into them, making them anew from rows, comparing them with rows.

One process at a time does it, under an advisory lock, and nobody waits for it: writers go on, and readers find
bitmaps of different writes, each saying which, under deltas that say final states. What is interrupted is done
again, to the same end.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from django.db import connection, transaction
from pyroaring import BitMap

from segments.models import IndexedValue
from segments.store import roaring
from segments.store.bitmaps import BITMAP
from segments.store.database import FOUR_BYTES, execute, fetch_all, fetch_one
from segments.store.index import BEFORE_ALL, DELTA, HEAD, read_head
from segments.store.roaring import EVERYONE, NONE, SHARD, Damaged, Delta, shards_of, whole
from segments.store.rows import AUDIENCE

LOCK = 0xA2_1D
FILLED = 10_000  # rows at a time
VALUE = IndexedValue._meta.db_table

UPSERT_BITMAP = f"""
    INSERT INTO {BITMAP} (value, shard, seq, data, cardinality, checksum) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (value, shard) DO UPDATE SET
        seq = excluded.seq, data = excluded.data, cardinality = excluded.cardinality, checksum = excluded.checksum"""

FROM_ROWS = f"""
    SELECT value, string_agg({FOUR_BYTES}, '' ORDER BY number)
    FROM {AUDIENCE}, unnest(value_ids || {EVERYONE}) AS value
    WHERE number >= %s AND number < %s GROUP BY value"""

IDS_OF_PROPERTIES = f"""ARRAY(
    SELECT value.id
    FROM jsonb_each(properties) AS property (code, texts)
    CROSS JOIN jsonb_array_elements_text(texts) AS listed (text)
    JOIN {VALUE} AS value
        ON value.code = property.code AND md5(value.text) = md5(listed.text) AND value.text = listed.text
    ORDER BY value.id)"""


class Busy(Exception):
    """The bitmaps are being kept by another process at the moment. Try again when it is done."""


@contextmanager
def alone() -> Iterator[None]:
    """Be the only one who writes bitmaps; Busy when somebody is at it."""
    if not fetch_one("SELECT pg_try_advisory_lock(%s)", [LOCK])[0]:
        raise Busy(Busy.__doc__)
    try:
        yield
    finally:
        execute("SELECT pg_advisory_unlock(%s)", [LOCK])


@contextmanager
def one_moment() -> Iterator[None]:
    """A transaction whose reads are all of one moment."""
    with transaction.atomic():
        execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def compact() -> int:
    """Fold the deltas into the bitmaps; how many writes they were. Damaged when they cannot be read."""
    with alone():
        read = read_head(BEFORE_ALL)
        if read is None or not read.deltas or not read.complete(read.base_seq):
            return 0
        delta = roaring.combine([Delta.unpack(bytes(packed)) for seq, packed in read.deltas if seq > read.base_seq])
        for shard in shards_of(delta.touched):
            fold(delta, shard, read.seq)
        settle(read.seq, read.epoch)
        return read.seq - read.base_seq


def fold(delta: Delta, shard: int, seq: int) -> None:
    """Write what a delta changes in one shard."""
    span = whole(shard)
    touched = delta.touched & span
    now = {value: numbers & span for value, numbers in delta.values.items()}
    # New audiences are in no bitmap yet: where there are no others, only the values that they have are rewritten.
    values = None if touched - delta.fresh else [value for value, numbers in now.items() if numbers]
    with transaction.atomic():
        before = stored(shard, values)
        after = {
            value: (before.get(value, NONE) - touched) | now.get(value, NONE) for value in before.keys() | now.keys()
        }
        write(shard, seq, {value: numbers for value, numbers in after.items() if numbers != before.get(value, NONE)})


def stored(shard: int, values: Iterable[int] | None = None) -> dict[int, BitMap]:
    """The bitmaps of a shard, of all values or of these."""
    query = f"SELECT value, data, checksum FROM {BITMAP} WHERE shard = %s"
    if values is None:
        rows = fetch_all(query, [shard])
    else:
        rows = fetch_all(f"{query} AND value = ANY(%s)", [shard, list(values)])
    return {value: roaring.read_bitmap(bytes(data), expected) for value, data, expected in rows}


def write(shard: int, seq: int, bitmaps: Mapping[int, BitMap]) -> None:
    """Store bitmaps; an emptied one stays as an empty one, which says since when."""
    rows = []
    for value, numbers in sorted(bitmaps.items()):
        numbers.run_optimize()
        data = numbers.serialize()
        rows.append((value, shard, seq, data, len(numbers), roaring.checksum(data)))
    with connection.cursor() as cursor:
        cursor.executemany(UPSERT_BITMAP, rows)


def settle(seq: int, epoch: uuid.UUID) -> None:
    """Say that the bitmaps hold all writes up to `seq`, whose deltas are needed no more."""
    with transaction.atomic():
        execute(f"UPDATE {HEAD} SET base_seq = %s, epoch = %s", [seq, epoch])
        execute(f"DELETE FROM {DELTA} WHERE seq <= %s", [seq])


def rebuild() -> Iterator[tuple[int, int]]:
    """Make all bitmaps anew from the rows; yields how many shards are done, and of how many."""
    with alone():
        fill_value_ids()
        seq = fetch_one(f"SELECT max(seq) FROM {HEAD}")[0]
        if seq is None:
            return
        shards = range(int(fetch_one(f"SELECT next_number FROM {HEAD}")[0] - 1) // SHARD + 1)
        for shard in shards:
            remake(shard)
            yield shard + 1, len(shards)
        settle(seq, uuid.uuid4())


def remake(shard: int) -> None:
    """Make the bitmaps of one shard from its rows, as they and the head are at one moment."""
    with one_moment():
        seq = fetch_one(f"SELECT seq FROM {HEAD}")[0]
        bitmaps = from_rows(shard)
        known = {value for (value,) in fetch_all(f"SELECT value FROM {BITMAP} WHERE shard = %s", [shard])}
    with transaction.atomic():
        write(shard, seq, {**dict.fromkeys(known - bitmaps.keys(), BitMap()), **bitmaps})


def from_rows(shard: int) -> dict[int, BitMap]:
    """The bitmaps of a shard, as the rows say."""
    rows = fetch_all(FROM_ROWS, [shard * SHARD, (shard + 1) * SHARD])
    return {value: roaring.bitmap_of(bytes(numbers)) for value, numbers in rows}


def fill_value_ids() -> None:
    """Give rows of an older release their value ids."""
    execute(
        f"INSERT INTO {VALUE} (code, text)"
        f" SELECT DISTINCT property.code, text.text FROM {AUDIENCE},"
        " jsonb_each(properties) AS property (code, texts), jsonb_array_elements_text(texts) AS text"
        " WHERE value_ids IS NULL ORDER BY 1, 2 ON CONFLICT DO NOTHING"
    )
    part = f"SELECT id FROM {AUDIENCE} WHERE value_ids IS NULL ORDER BY number LIMIT {FILLED}"
    filled = FILLED
    while filled == FILLED:
        with transaction.atomic():
            execute(f"SELECT FROM {HEAD} FOR UPDATE")
            filled = execute(f"UPDATE {AUDIENCE} SET value_ids = {IDS_OF_PROPERTIES} WHERE id IN ({part})")


def differences(sample: int | None = None) -> Iterator[str]:
    """Where bitmaps and rows do not agree, a sentence each; `sample` rows have their value ids checked, or all."""
    with one_moment():
        read = read_head(BEFORE_ALL)
        if read is None:
            yield "There are no bitmaps: answers come from rows."
            return
        if not read.complete(read.base_seq):
            yield f"Deltas after write {read.base_seq} are missing."
            return
        try:
            delta = roaring.combine([Delta.unpack(bytes(packed)) for seq, packed in read.deltas])
        except Damaged:
            yield "A delta is damaged."
            return
        highest = fetch_one(f"SELECT next_number FROM {HEAD}")[0]
        for shard in range((highest + SHARD - 1) // SHARD):
            yield from differences_of_shard(shard, delta)
        yield from wrong_ids(sample)


def differences_of_shard(shard: int, delta: Delta) -> Iterator[str]:
    span = whole(shard)
    bitmaps: dict[int, BitMap] = {}
    for value, data, expected in fetch_all(f"SELECT value, data, checksum FROM {BITMAP} WHERE shard = %s", [shard]):
        try:
            bitmaps[value] = roaring.read_bitmap(bytes(data), expected)
        except Damaged:
            yield f"The bitmap of value {value}, shard {shard} is damaged."
            return
    rows = from_rows(shard)
    for value in sorted(rows.keys() | bitmaps.keys() | delta.values.keys()):
        answered = (bitmaps.get(value, NONE) - delta.touched) | (delta.numbers(value) & span)
        if wrong := answered ^ rows.get(value, NONE):
            yield f"Value {value}, shard {shard}: {len(wrong):,} audiences differ, the first has number {wrong.min()}."


def wrong_ids(sample: int | None) -> Iterator[str]:
    """Audiences whose value ids are not those of their properties."""
    part = f"(SELECT * FROM {AUDIENCE} ORDER BY random() LIMIT {int(sample)})" if sample is not None else AUDIENCE
    count, first = fetch_one(
        f"SELECT count(*), min(id) FROM {part} AS audience"
        f" WHERE ARRAY(SELECT unnest(value_ids) ORDER BY 1) IS DISTINCT FROM {IDS_OF_PROPERTIES}"
    )
    if count:
        yield f"{count:,} audiences have other value ids than their properties say, the first of them '{first}'."


def waiting() -> tuple[int, int]:
    """How many deltas there are, and their bytes."""
    count, size = fetch_one(f"SELECT count(*), coalesce(sum(length(packed)), 0) FROM {DELTA}")
    return int(count), int(size)
