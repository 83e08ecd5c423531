"""Audiences that wait in a table of an import's, and are written from there, range by range, within the database."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from segments.store import roaring
from segments.store.audiences import UNSENT, ProfileChange, Properties, UpsertCounts
from segments.store.database import execute, fetch_all, fetch_one
from segments.store.index import HEAD
from segments.store.roaring import EVERYONE, BitMap, Delta
from segments.store.rows import AUDIENCE
from segments.store.writing import (
    DIFFERS,
    FIELDS_DIFFER,
    IDS_ARE_KEPT,
    INCOMING,
    STORED,
    VALUE,
    advance,
    lock_head,
    moment_to_write,
    write_incoming,
)

WAITING = {
    "id_type": "text",
    "sends_id_type": "boolean NOT NULL DEFAULT false",
    "alt_id": "jsonb",
    "sends_alt_id": "boolean NOT NULL DEFAULT false",
    "properties": "jsonb",
    "value_ids": "int[]",
    "created_at": "timestamptz",
}
"""The columns of such a table besides `key` and `is_stored`; properties and value ids are null where none were sent."""

SENT = """(
    SELECT *, %(merged)s::text[] AS merged FROM {waiting}
    WHERE key > %(after)s AND key <= %(upto)s AND NOT is_stored ORDER BY key
) AS sent"""

# What is stored of many: it takes as long as looking up a tenth of all audiences.
ALL_STORED = f"LEFT JOIN {AUDIENCE} AS stored ON stored.id = sent.key"
FEW = f"SELECT %s < coalesce((SELECT next_number FROM {HEAD}), 0) / 10"
COLUMNS = "CROSS JOIN (SELECT %(merged)s::text[]) AS columns (merged)"

# Value ids without properties: these were left out, as `FILL` makes them where somebody has to be written.
LEFT_OUT = "{row}.properties IS NULL AND {row}.value_ids IS NOT NULL"

# Whether a row is stored as it was sent, for sure, where nobody has an attribute that is not replaced: comparing takes
# the value ids alone, and little memory. Any other row is looked at again when it is written.
ARE_THE_SAME = f"""
    stored.id IS NOT NULL AND NOT {FIELDS_DIFFER}
    AND coalesce(sent.value_ids = stored.value_ids AND {IDS_ARE_KEPT}, sent.value_ids IS NULL)"""

# The same where somebody has others.
IS_STORED = f"""
    CASE
        WHEN {LEFT_OUT.format(row="sent")} THEN {ARE_THE_SAME}
        ELSE stored.id IS NOT NULL AND NOT {DIFFERS}
    END"""

FILL = f"""
    UPDATE {{table}} AS sent SET properties = (
        SELECT coalesce(jsonb_object_agg(code, texts), '{{{{}}}}') FROM (
            SELECT code, jsonb_agg(text ORDER BY text) AS texts
            FROM unnest(value_ids) AS listed (id)
            CROSS JOIN LATERAL (SELECT code, text FROM {VALUE} AS value WHERE value.id = listed.id OFFSET 0) AS value
            GROUP BY code
        ) AS grouped
    )
    WHERE NOT is_stored AND {LEFT_OUT.format(row="sent")}"""

# How many of these rows are stored with the value ids that they have, and no others.
HAVE_THE_SAME = f"""
    SELECT count(*) FROM unnest(%s::text[], %s::text[]) AS sent (key, value_ids)
    CROSS JOIN LATERAL (SELECT value_ids FROM {AUDIENCE} WHERE id = key OFFSET 0) AS stored
    WHERE stored.value_ids = sent.value_ids::int[] AND {IDS_ARE_KEPT}"""
NEARLY_ALL = 0.98

HAS_OTHERS = f"SELECT EXISTS (SELECT FROM {VALUE} WHERE code <> ALL(%s))"

# The order has it look at the index for the first one, however many the planner takes for few.
IS_FREE = f"(SELECT id FROM {AUDIENCE} WHERE id > %(after)s AND id <= %(upto)s ORDER BY id LIMIT 1) IS NULL"

# How many are to be written, how many are stored as they were sent, and where nobody is, the value ids in order.
COUNT = f"""
    SELECT count(*) FILTER (WHERE NOT is_stored), count(*) FILTER (WHERE is_stored),
        string_agg(coalesce(value_ids, '{{{{}}}}')::text, '' ORDER BY key) FILTER (WHERE NOT is_stored AND {IS_FREE})
    FROM {{waiting}} WHERE key > %(after)s AND key <= %(upto)s"""

LOOK = f"""
    SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE is_changed)
    FROM (
        SELECT stored.id IS NULL AS is_new, stored.id IS NOT NULL AND {DIFFERS} AS is_changed
        FROM {SENT} {STORED.format(key="sent.key")}
        OFFSET 0
    ) AS looked"""

# Those that are stored as they were sent are left behind.
BRING = f"""
    WITH brought AS (
        INSERT INTO incoming (
            id, id_type, sends_id_type, alt_id, sends_alt_id, properties, value_ids, merged, created_at
        )
        SELECT key, sent.id_type, sends_id_type, sent.alt_id, sends_alt_id, sent.properties, sent.value_ids, merged,
            sent.created_at
        FROM {SENT} {STORED.format(key="sent.key")}
        WHERE stored.id IS NULL OR {DIFFERS}
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM brought), (SELECT seq FROM {HEAD})"""

CREATE = f"""
    INSERT INTO {AUDIENCE} (id, number, id_type, alt_id, properties, value_ids, created_at, updated_at)
    SELECT key,
        %(next_number)s - 1 + row_number() OVER (ORDER BY key),
        CASE WHEN sends_id_type THEN id_type ELSE 'account_id' END,
        alt_id,
        coalesce(properties, '{{{{}}}}'),
        coalesce(value_ids, '{{{{}}}}'),
        coalesce(created_at, %(moment)s),
        greatest(%(moment)s, created_at)
    FROM {SENT}"""


def are_stored(rows: Sequence[Sequence[str]]) -> bool:
    """Whether nearly all of some rows have the values that are stored, and nobody of them has any besides.

    They are the fields of lines for COPY, of which the second is the key and the last one the value ids.
    """
    sent = [(row[1], row[-1]) for row in rows if "\\" not in row[1] + row[-1]]
    found = fetch_one(HAVE_THE_SAME, [[key for key, _ids in sent], [ids for _key, ids in sent]])[0]
    return bool(found > NEARLY_ALL * len(rows))


def already_stored(rows: int, merged: Sequence[str] | None) -> tuple[str, str, dict[str, Any]]:
    """SQL to be joined to so many rows, SQL for whether one is stored as it was sent, and the values for both."""
    stored = STORED.format(key="sent.key") if fetch_one(FEW, [rows])[0] else ALL_STORED
    codes = None if merged is None else list(merged)
    has_others = codes is not None and fetch_one(HAS_OTHERS, [codes])[0]
    return f"{stored} {COLUMNS}", IS_STORED if has_others else ARE_THE_SAME, {"merged": codes}


class NotFree(Exception):
    """Audiences have come into a range that had none."""


@dataclass(frozen=True)
class Look:
    """How many rows there are in a range, how many of them are new and changed, and the values of these.

    `values` maps the number of a value to the places, counted from 0, of the rows that have it; it is there where all
    rows are new and there are no others among them.
    """

    rows: int
    new: int
    changed: int
    values: Mapping[int, BitMap] | None = None


@dataclass(frozen=True)
class Waiting:
    """The rows of a table with keys behind `after` and up to `upto`; of each key the last line counts.

    `merged` names the attributes that they replace or remove; None replaces all of them.
    """

    table: str
    after: str
    upto: str
    merged: Sequence[str] | None

    def look(self) -> Look:
        """What writing them would come to just now."""
        sent, stored, value_ids = fetch_one(self.query(COUNT), self.params)
        if not sent:
            return Look(stored, 0, 0)
        if stored or value_ids is None:
            new, changed = fetch_one(self.query(LOOK), self.params)
            return Look(sent + stored, new, changed)
        # All are new where nobody is: no row has to be looked up then.
        return Look(sent, sent, 0, roaring.grouped(range(sent), value_ids))

    def changes(self) -> list[ProfileChange]:
        """All of them one by one."""
        rows = fetch_all(f"SELECT {', '.join(('key', *WAITING))} FROM {self.query(SENT)}", self.params)
        return [self.change(*row) for row in rows]

    def change(
        self,
        key: str,
        id_type: str | None,
        sends_id_type: bool,
        alt_id: str | None,
        sends_alt_id: bool,
        properties: str | None,
        value_ids: object,
        created_at: datetime | None,
    ) -> ProfileChange:
        emptied: Properties = {code: [] for code in self.merged or ()}
        return ProfileChange(
            key,
            id_type if sends_id_type else UNSENT,
            (None if alt_id is None else json.loads(alt_id)) if sends_alt_id else UNSENT,
            UNSENT if properties is None else emptied | json.loads(properties),
            created_at or UNSENT,
            merges=self.merged is not None,
        )

    def bring(self) -> tuple[int, int]:
        """Fill `incoming` with those that are new or different; how many, and as of which write."""
        execute(INCOMING)
        count, seq = fetch_one(self.query(BRING), self.params)
        return count, seq

    def query(self, statement: str) -> str:
        return statement.format(waiting=self.table)

    @property
    def params(self) -> dict[str, object]:
        merged = None if self.merged is None else list(self.merged)
        return {"after": self.after, "upto": self.upto, "merged": merged}

    def create(self, rows: int, values: Mapping[int, BitMap]) -> None:
        """Write all of them as new audiences with these values, by their places; or NotFree."""
        head = lock_head()
        if not fetch_one(f"SELECT {IS_FREE}", self.params)[0]:
            raise NotFree
        moment, first = moment_to_write(head, rows), head.next_number
        execute(self.query(CREATE), {**self.params, "moment": moment, "next_number": first})
        head.next_number += rows
        shifted = {value: places.shift(first) for value, places in values.items()}
        advance(head, moment, Delta(shifted[EVERYONE], shifted[EVERYONE], shifted))

    def write(self, count: int, seq: int) -> UpsertCounts:
        """Write the `count` that were brought as of write `seq`."""
        created, updated = write_incoming(lock_head(), count, seq)
        execute("DROP TABLE incoming")
        return UpsertCounts(created, updated)


def values_brought() -> list[int]:
    """The numbers of the values that `incoming` has."""
    return [value for (value,) in fetch_all("SELECT DISTINCT unnest(value_ids) FROM incoming")]
