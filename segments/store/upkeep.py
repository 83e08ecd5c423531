"""Keeping the bitmaps: folding deltas into them, making them anew from rows, comparing them with rows.

One process at a time does it, under an advisory lock, and nobody waits for it: writers go on, and readers find
bitmaps of different writes, each saying which, under deltas that say final states. What is interrupted is done
again, to the same end.
"""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import connection, transaction
from django.utils.translation import gettext as _

from segments.models import IndexedValue
from segments.store import roaring
from segments.store.bitmaps import BITMAP, FROM_ROWS
from segments.store.database import execute, fetch_all, fetch_one, one_moment
from segments.store.index import BEFORE_ALL, DELTA, HEAD, Read, read_head
from segments.store.roaring import NONE, SHARD, BitMap, Damaged, Delta, shards_of, whole
from segments.store.rows import AUDIENCE
from segments.store.scanning import NotKept, Scan, scan, span

LOCK = 0xA2_1D
CORRECTED = 10_000  # rows at a time
VALUE = IndexedValue._meta.db_table

UPSERT_BITMAP = f"""
    INSERT INTO {BITMAP} (value, shard, seq, data, cardinality, checksum) VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (value, shard) DO UPDATE SET
        seq = excluded.seq, data = excluded.data, cardinality = excluded.cardinality, checksum = excluded.checksum"""

# The ids of the values of an audience's properties; null for a value that has none.
IDS = f"""ARRAY(
    SELECT value.id
    FROM jsonb_each(properties) AS property (code, texts)
    CROSS JOIN jsonb_array_elements_text(texts) AS listed (text)
    LEFT JOIN {VALUE} AS value
        ON value.code = property.code AND md5(value.text) = md5(listed.text) AND value.text = listed.text
    ORDER BY value.id)"""
HAS_WRONG_IDS = f"(value_ids IS NULL OR ARRAY(SELECT unnest(value_ids) ORDER BY 1) <> {IDS})"

# In the order in which writers insert them, so that nobody waits in a ring.
INDEX_VALUES = f"""
    INSERT INTO {VALUE} (code, text)
    SELECT code COLLATE "C", text COLLATE "C"
    FROM {AUDIENCE}, jsonb_each(properties) AS property (code, texts), jsonb_array_elements_text(texts) AS text
    WHERE number = ANY(%s)
    EXCEPT SELECT code, text FROM {VALUE}
    ORDER BY 1, 2 ON CONFLICT DO NOTHING"""


class Busy(NotKept):
    """Another process is keeping the bitmaps at the moment. Try again when it is done."""


class OlderRelease(NotKept):
    """An older release has written audiences meanwhile. Stop it, then type: manage.py rebuild_index"""


class Unsound(NotKept):
    """Deltas are damaged or missing, so that rows answer. Type: manage.py rebuild_index"""


@contextmanager
def alone() -> Iterator[None]:
    """Be the only one who writes bitmaps; Busy when somebody is at it."""
    if not fetch_one("SELECT pg_try_advisory_lock(%s)", [LOCK])[0]:
        raise Busy
    try:
        yield
    finally:
        execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def compact() -> int:
    """Fold the deltas into the bitmaps; how many writes they were. Busy, or Unsound where that cannot be."""
    with alone():
        read = read_head(BEFORE_ALL)
        if read is None:
            return 0
        view = read.after(None) if read.complete(read.base_seq) else None
        if view is None:
            raise Unsound
        if not read.deltas:
            return 0
        delta = view.overlay
        for shard in shards_of(delta.touched):
            try:
                fold(delta, shard, read)
            except Damaged:
                remake(shard)
        settle(read.seq, read.epoch)
        return read.seq - read.base_seq


def fold(delta: Delta, shard: int, read: Read) -> None:
    """Write what a delta changes in one shard; Damaged when that cannot be read."""
    everywhere = whole(shard)
    touched = delta.touched & everywhere
    now = {value: numbers & everywhere for value, numbers in delta.values.items()}
    # New audiences are in no bitmap yet, except in one of a compaction that was cut off: where there are no others,
    # only the values that they have are rewritten.
    values = None if touched - delta.fresh else [value for value, numbers in now.items() if numbers]
    with transaction.atomic():
        before = stored(shard, values, read.base_seq)
        changed = {}
        for value in before.keys() | now.keys():
            numbers = before.get(value, NONE)
            if (after := (numbers - touched) | now.get(value, NONE)) != numbers:
                changed[value] = after
        write(shard, read.seq, changed)


def stored(shard: int, values: list[int] | None, after: int) -> dict[int, BitMap]:
    """The bitmaps of a shard, of all values, or of these and whatever was written after a write; or Damaged."""
    query = f"SELECT value, data, checksum FROM {BITMAP} WHERE shard = %s"
    if values is None:
        rows = fetch_all(query, [shard])
    else:
        rows = fetch_all(f"{query} AND (value = ANY(%s) OR seq > %s)", [shard, values, after])
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
    """Make all bitmaps anew from the rows; yields how many shards are done, and of how many.

    Where rows have other value ids than their properties say, a delta may be as wrong: they are corrected, and it
    begins once more. OlderRelease when one that leaves no deltas has written meanwhile: rows go on answering then.
    """
    with alone():
        wrong = True
        while wrong and fetch_one(f"SELECT EXISTS (SELECT FROM {HEAD})")[0]:
            begun, shards, wrong = last_write(), all_shards(), False
            for done, shard in enumerate(shards, 1):
                numbers = remake(shard)
                correct_ids(numbers)
                wrong = wrong or bool(numbers)
                yield done, len(shards)
            with transaction.atomic():
                if not wrong:
                    settle(begun, uuid.uuid4())
                left = f"(SELECT count(*) FROM {DELTA} AS delta WHERE delta.seq > %s)"
                if not fetch_one(f"SELECT {left} = head.seq - %s FROM {HEAD} AS head", [begun, begun])[0]:
                    raise OlderRelease


def last_write() -> int:
    return int(fetch_one(f"SELECT seq FROM {HEAD}")[0])


def all_shards() -> range:
    """The shards that audiences or bitmaps are in."""
    numbers, stored = fetch_one(f"SELECT (SELECT max(next_number) FROM {HEAD}), (SELECT max(shard) FROM {BITMAP})")
    return range(max((numbers - 1) // SHARD, -1 if stored is None else stored) + 1)


def remake(shard: int) -> BitMap:
    """Make the bitmaps of one shard from its rows, as they and the head are at one moment; whose ids are wrong."""
    with one_moment():
        seq, rows = last_write(), scan(shard)
        known = {value for (value,) in fetch_all(f"SELECT value FROM {BITMAP} WHERE shard = %s", [shard])}
    with transaction.atomic():
        write(shard, seq, {**dict.fromkeys(known - rows.bitmaps.keys(), BitMap()), **rows.bitmaps})
    return rows.wrong


def correct_ids(wrong: BitMap) -> None:
    """Give these rows the ids of their values, where an older release wrote others or none."""
    numbers = wrong.to_array()
    for start in range(0, len(numbers), CORRECTED):
        part = list(numbers[start : start + CORRECTED])
        execute(INDEX_VALUES, [part])
        with transaction.atomic():
            execute(f"SELECT FROM {HEAD} FOR UPDATE")
            execute(f"UPDATE {AUDIENCE} SET value_ids = array_remove({IDS}, NULL) WHERE number = ANY(%s)", [part])


def differences(sample: int | None = None) -> Iterator[str]:
    """Where bitmaps and rows do not agree, a sentence each.

    With a `sample`, the rows' value ids stand for their properties, and so many of these are compared with each other.
    """
    with one_moment():
        read = read_head(BEFORE_ALL)
        if read is None:
            if fetch_one(f"SELECT EXISTS (SELECT FROM {AUDIENCE})")[0]:
                yield "There are no bitmaps: rows answer."
            return
        if not read.complete(read.base_seq):
            yield f"Deltas after write {read.base_seq} are missing."
            return
        view = read.after(None)
        if view is None:
            yield "A delta is damaged."
            return
        wrong = 0
        for shard in all_shards():
            rows = scan(shard) if sample is None else Scan(by_ids(shard))
            wrong += len(rows.wrong)
            yield from differences_of_shard(shard, view.overlay, rows.bitmaps)
        if wrong or (sample and (wrong := wrong_among(sample))):
            yield f"{wrong:,} audiences have other value ids than their properties say."


def differences_of_shard(shard: int, delta: Delta, rows: Mapping[int, BitMap]) -> Iterator[str]:
    everywhere = whole(shard)
    bitmaps: dict[int, BitMap] = {}
    for value, data, expected in fetch_all(f"SELECT value, data, checksum FROM {BITMAP} WHERE shard = %s", [shard]):
        try:
            bitmaps[value] = roaring.read_bitmap(bytes(data), expected)
        except Damaged:
            yield f"The bitmap of value {value}, shard {shard} is damaged."
            return
    for value in sorted(rows.keys() | bitmaps.keys() | delta.values.keys()):
        answered = (bitmaps.get(value, NONE) - delta.touched) | (delta.numbers(value) & everywhere)
        if wrong := answered ^ rows.get(value, NONE):
            yield f"Value {value}, shard {shard}: {len(wrong):,} audiences differ, the first has number {wrong.min()}."


def by_ids(shard: int) -> dict[int, BitMap]:
    """The bitmaps of a shard, as the value ids of its rows say."""
    rows = fetch_all(FROM_ROWS.format("number >= %s AND number < %s"), span(shard))
    return {value: roaring.bitmap_of(bytes(numbers)) for value, numbers in rows}


def wrong_among(sample: int) -> int:
    """How many of so many audiences have other value ids than their properties say."""
    part = f"(SELECT * FROM {AUDIENCE} ORDER BY random() LIMIT {int(sample)})"
    return int(fetch_one(f"SELECT count(*) FROM {part} AS audience WHERE {HAS_WRONG_IDS}")[0])


def extent() -> str:
    """How much there is, in words."""
    audiences, bitmaps = fetch_one(f"SELECT (SELECT count(*) FROM {AUDIENCE}), (SELECT count(*) FROM {BITMAP})")
    words = _("%(audiences)s audiences, %(bitmaps)s bitmaps, %(deltas)s deltas")
    return words % {"audiences": f"{audiences:,}", "bitmaps": f"{bitmaps:,}", "deltas": f"{waiting()[0]:,}"}


def waiting() -> tuple[int, int]:
    """How many deltas there are, and their bytes."""
    count, size = fetch_one(f"SELECT count(*), coalesce(sum(length(packed)), 0) FROM {DELTA}")
    return int(count), int(size)
