"""What the rows of a shard say: all of them read once, by which bitmaps are made and judged."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection

from segments.exceptions import SegmentsError
from segments.store.index import indexed
from segments.store.roaring import EVERYONE, NONE, SHARD, BitMap
from segments.store.rows import AUDIENCE

FETCHED = 50_000  # rows at a time, whose numbers are lists before they are bitmaps
ROWS = f"SELECT number, value_ids::text, properties::text FROM {AUDIENCE} WHERE number >= %s AND number < %s"

Row = tuple[int, str | None, str]
Having = dict[str, dict[str, BitMap]]


class NotKept(SegmentsError):
    """The bitmaps cannot be kept as they should be."""


class Uncanonical(NotKept):
    """The audience with the number %d has properties that are not lists of texts. Load it again."""

    def __init__(self, number: int) -> None:
        super().__init__((type(self).__doc__ or "") % number)


@dataclass(frozen=True)
class Scan:
    """The numbers of those who have each value, by what their properties say, and `wrong`: whose value ids differ."""

    bitmaps: Mapping[int, BitMap]
    wrong: BitMap = NONE


def scan(shard: int) -> Scan:
    """The rows of a shard, in the transaction at hand."""
    everyone, without_ids = BitMap(), BitMap()
    by_id: dict[str, BitMap] = defaultdict(BitMap)
    by_text: Having = defaultdict(lambda: defaultdict(BitMap))
    for rows in some_rows(shard):
        everyone.update(row[0] for row in rows)
        without_ids.update(row[0] for row in rows if row[1] is None)
        keep_ids(rows, by_id)
        keep_texts(rows, by_text)
    labelled = {(code, text): numbers for code, texts in by_text.items() for text, numbers in texts.items()}
    known = indexed(list(labelled))
    bitmaps = {known[label]: numbers for label, numbers in labelled.items() if label in known}
    ids = {int(value): numbers for value, numbers in by_id.items()}
    differing = [ids.get(value, NONE) ^ bitmaps.get(value, NONE) for value in ids.keys() | bitmaps.keys()]
    unknown = [numbers for label, numbers in labelled.items() if label not in known]
    wrong = BitMap.union(without_ids, *unknown, *differing)
    return Scan({EVERYONE: everyone, **bitmaps} if everyone else {}, wrong)


def some_rows(shard: int) -> Iterator[list[Row]]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(ROWS, span(shard))
        while rows := cursor.fetchmany(FETCHED):
            yield rows


def span(shard: int) -> list[int]:
    """The first number of a shard, and that of the next one."""
    return [shard * SHARD, (shard + 1) * SHARD]


def keep_ids(rows: list[Row], found: dict[str, BitMap]) -> None:
    """Who has which of the ids, as PostgreSQL writes arrays."""
    having: dict[str, list[int]] = defaultdict(list)
    for number, ids, _properties in rows:
        if ids is not None and ids != "{}":
            for value in ids[1:-1].split(","):
                having[value].append(number)
    for value, numbers in having.items():
        found[value].update(numbers)


def keep_texts(rows: list[Row], found: Having) -> None:
    """Who has which of the texts."""
    having: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    loads = orjson.loads
    for number, _ids, properties in rows:
        texts: Any
        for code, texts in loads(properties).items():
            if type(texts) is not list:
                raise Uncanonical(number)
            of_code = having[code]
            for text in texts:
                of_code[text].append(number)
    for code, by_text in having.items():
        for text, those in by_text.items():
            found[code][text].update(those)
