"""Audiences that wait in the table `incoming` become rows, and the delta by which bitmaps follow them.

Writers come one after the other: each brings what it has into a temporary table, then locks the one row of
`AudienceHead` and holds it until its transaction ends. So no two insert the same id or wait for each
other in a ring, and numbers are given out without gaps. A transaction that writes has to be READ COMMITTED,
as Django's are: what it reads after the lock must be what the writer before it left.
"""

import uuid
from datetime import datetime

from django.db.models import Max

from segments.exceptions import NumbersExhausted
from segments.labels import MAX_CODES
from segments.models import Audience, AudienceBitmap, AudienceDelta, AudienceHead, IndexedValue
from segments.store import compacting, roaring, width
from segments.store.database import fetch_all, fetch_one
from segments.store.index import DELTA, HEAD
from segments.store.roaring import EVERYONE, NONE, Delta
from segments.store.rows import AUDIENCE

NUMBERS = 2**32  # what a bitmap can hold
VALUE = IndexedValue._meta.db_table

# `merged` names the attributes that a merging change replaces or removes; of others it is null.
INCOMING = """
    CREATE TEMPORARY TABLE incoming (
        id text COLLATE "C",
        id_type text,
        sends_id_type boolean,
        alt_id jsonb,
        sends_alt_id boolean,
        properties jsonb,
        value_ids int[],
        merged text[],
        created_at timestamptz
    ) ON COMMIT DROP"""

# What is stored of each that is sent, looked up by its id. A plain join would leave the way to the planner, and where
# it believes that a table is small which has just been filled, it goes through all of its rows for each id.
STORED = f"LEFT JOIN LATERAL (SELECT * FROM {AUDIENCE} WHERE id = {{key}} OFFSET 0) AS stored ON true"

COUNT_NEW = f"SELECT count(*) FROM incoming AS sent {STORED.format(key='sent.id')} WHERE stored.id IS NULL"

WRITTEN = """
    CASE
        WHEN sent.properties IS NULL THEN stored.properties
        WHEN merged IS NULL THEN sent.properties
        ELSE (stored.properties - merged) || sent.properties
    END"""

WRITTEN_IDS = f"""
    CASE
        WHEN sent.properties IS NULL THEN stored.value_ids
        WHEN merged IS NULL THEN sent.value_ids
        WHEN stored.value_ids IS NOT NULL THEN sent.value_ids || ARRAY(
            SELECT value.id FROM {VALUE} AS value
            WHERE value.id = ANY(stored.value_ids) AND value.code <> ALL(merged)
        )
    END"""

# An older release writes properties without their value ids, and leaves no delta; while none is missing, rows
# with the same value ids have the same properties, and comparing numbers takes a tenth of the time.
IDS_ARE_KEPT = f"""
    (SELECT epoch IS NOT NULL AND seq - base_seq = (SELECT count(*) FROM {DELTA} AS delta WHERE delta.seq > base_seq)
    FROM {HEAD})"""

FIELDS_DIFFER = """
    (sent.sends_id_type AND stored.id_type IS DISTINCT FROM sent.id_type
    OR sent.sends_alt_id AND stored.alt_id IS DISTINCT FROM sent.alt_id)"""

# Whether what was sent changes what is stored.
DIFFERS = f"""({FIELDS_DIFFER}
    OR CASE
        WHEN sent.value_ids = stored.value_ids AND {IDS_ARE_KEPT} THEN false
        WHEN NOT sent.value_ids <@ stored.value_ids AND {IDS_ARE_KEPT} THEN true
        ELSE stored.properties <> {WRITTEN}
    END)"""

# The numbers and value ids of what was updated, with the ids of those that may be too wide by now, and of what is new.
# Audiences that are there come back into the table: the conflict finds each by its id, as `STORED` does.
WRITE = f"""
    WITH sent AS MATERIALIZED (
        SELECT sent.*, stored.number, stored.created_at AS came_at,
            CASE WHEN sends_id_type THEN sent.id_type ELSE stored.id_type END AS new_id_type,
            CASE WHEN sends_alt_id THEN sent.alt_id ELSE stored.alt_id END AS new_alt_id,
            {WRITTEN} AS new_properties,
            {WRITTEN_IDS} AS new_value_ids
        FROM incoming AS sent {STORED.format(key="sent.id")}
        WHERE stored.id IS NULL OR {{differs}}
    ),
    updated AS (
        INSERT INTO {AUDIENCE} AS stored (id, number, id_type, alt_id, properties, value_ids, created_at, updated_at)
        SELECT id, number, new_id_type, new_alt_id, new_properties, new_value_ids, came_at,
            greatest(%(moment)s, came_at)
        FROM sent WHERE number IS NOT NULL
        ON CONFLICT (id) DO UPDATE SET
            id_type = excluded.id_type,
            alt_id = excluded.alt_id,
            properties = excluded.properties,
            value_ids = excluded.value_ids,
            updated_at = excluded.updated_at
        RETURNING number, value_ids
    ),
    created AS (
        INSERT INTO {AUDIENCE} (id, number, id_type, alt_id, properties, value_ids, created_at, updated_at)
        SELECT id,
            %(next_number)s - 1 + row_number() OVER (ORDER BY id),
            CASE WHEN sends_id_type THEN id_type ELSE 'account_id' END,
            alt_id,
            coalesce(properties, '{{{{}}}}'),
            coalesce(value_ids, '{{{{}}}}'),
            coalesce(created_at, %(moment)s),
            greatest(%(moment)s, created_at)
        FROM sent WHERE number IS NULL
        RETURNING number, value_ids
    )
    SELECT array_agg(number), coalesce(string_agg(coalesce(value_ids, '{{{{}}}}')::text, ''), ''), (
            SELECT array_agg(id) FROM sent WHERE number IS NOT NULL AND merged IS NOT NULL
            AND coalesce(cardinality(new_value_ids) > {MAX_CODES}, true)
        )
    FROM updated
    UNION ALL
    SELECT array_agg(number), coalesce(string_agg(value_ids::text, ''), ''), NULL FROM created"""


def lock_head() -> AudienceHead:
    """Wait until no other writer is at work; from here to the end of the transaction this one is."""
    heads = AudienceHead.objects.select_for_update()
    head = heads.first()
    if head is None:
        AudienceHead.objects.bulk_create([first_head()], ignore_conflicts=True)
        head = heads.get()
    return head


def first_head() -> AudienceHead:
    """The head of an empty store, or one that goes on where a lost one was, until a rebuild without bitmaps."""
    highest = Audience.objects.aggregate(number=Max("number"))["number"]
    written = [model.objects.aggregate(seq=Max("seq"))["seq"] for model in (AudienceDelta, AudienceBitmap)]
    if highest is None and not any(written):
        return AudienceHead(epoch=uuid.uuid4())
    return AudienceHead(next_number=0 if highest is None else highest + 1, seq=max(seq or 0 for seq in written))


def moment_to_write(head: AudienceHead, most: int) -> datetime:
    """What is written gets this moment; NumbersExhausted when there are not `most` numbers left."""
    if head.next_number + most > NUMBERS:
        raise NumbersExhausted
    moment: datetime = fetch_one("SELECT clock_timestamp()")[0]
    return moment


def write_incoming(head: AudienceHead, most: int, seq: int | None = None) -> tuple[int, int]:
    """Write what `incoming` holds, `most` rows at the most, where it is new or different.

    As of write `seq` all of it is. How many audiences were created and updated; NumbersExhausted, or TooManyCodes when
    a merge takes an audience past what it can have.
    """
    write = WRITE.format(differs="true" if head.seq == seq else DIFFERS)
    if head.next_number + most > NUMBERS:
        most = fetch_one(COUNT_NEW)[0]
    moment = moment_to_write(head, most)
    written = fetch_all(write, {"moment": moment, "next_number": head.next_number})
    (updated, ids, wide), (created, new_ids, _none) = written
    width.refuse_too_wide(wide or [])
    numbers = [*(updated or ()), *(created or ())]
    if numbers:
        fresh = roaring.numbers_of(created) if created else NONE
        values = roaring.grouped(numbers, ids + new_ids)
        head.next_number += len(fresh)
        advance(head, moment, Delta(values[EVERYONE], fresh, values))
    return len(created or ()), len(updated or ())


def advance(head: AudienceHead, moment: datetime, delta: Delta) -> None:
    """Count one more write, and leave behind what it did."""
    head.seq += 1
    head.at = moment
    head.save()
    packed = delta.pack()
    AudienceDelta.objects.bulk_create([AudienceDelta(seq=head.seq, packed=packed)])
    compacting.look_after(head.seq, len(packed))
