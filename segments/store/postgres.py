"""Audiences in PostgreSQL: rows that are the truth, and the deltas by which bitmaps follow them.

Writers come one after the other: each brings its rows into a temporary table, then locks the one row of
`AudienceHead` and holds it until its transaction ends. So no two insert the same id or wait for each
other in a ring, and numbers are given out without gaps. A transaction that writes has to be READ COMMITTED,
as Django's are: what it reads after the lock must be what the writer before it left.
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Max, QuerySet

from segments.exceptions import AudienceExists, AudienceMissing, NumbersExhausted
from segments.models import Audience, AudienceBitmap, AudienceDelta, AudienceHead, IndexedValue
from segments.store import compacting, roaring, width
from segments.store.audiences import (
    UNSENT,
    AudienceStore,
    Profile,
    ProfileChange,
    Properties,
    Snapshot,
    UpsertCounts,
    refuse_twice,
)
from segments.store.checks import check_numbers, check_properties
from segments.store.database import FOUR_BYTES, execute, fetch_all, fetch_one
from segments.store.index import INDEX, IndexSnapshot, indexed
from segments.store.roaring import EVERYONE, FRESH, NONE, Delta, numbers_of
from segments.store.rows import AUDIENCE, RowsSnapshot

NUMBERS = 2**32  # what a bitmap can hold
PATIENCE = "10min"

VALUE = IndexedValue._meta.db_table

STAGE = """
    CREATE TEMPORARY TABLE incoming (
        id text COLLATE "C",
        id_type text,
        sends_id_type boolean,
        alt_id jsonb,
        sends_alt_id boolean,
        properties jsonb,
        value_ids int[],
        merged text[],
        removed text[],
        created_at timestamptz
    ) ON COMMIT DROP"""

# A few thousand look-ups by id cost the same at any size; the planner, left alone, goes through the whole index.
BY_INDEX = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
AS_BEFORE = "SET LOCAL enable_hashjoin TO DEFAULT; SET LOCAL enable_mergejoin TO DEFAULT"

COUNT_NEW = f"""
    SELECT clock_timestamp(), count(*) FROM incoming AS sent
    WHERE NOT EXISTS (SELECT FROM {AUDIENCE} AS stored WHERE stored.id = sent.id)"""

# Of a merging change, `merged` names its attributes and `removed` those that it removes; of others both are null.
WRITTEN = "coalesce((stored.properties || sent.properties) - removed, sent.properties, stored.properties)"

WRITTEN_IDS = f"""
    CASE
        WHEN sent.properties IS NULL THEN stored.value_ids
        WHEN merged IS NULL THEN sent.value_ids
        WHEN stored.value_ids IS NOT NULL THEN sent.value_ids || ARRAY(
            SELECT value.id FROM {VALUE} AS value
            WHERE value.id = ANY(stored.value_ids) AND value.code <> ALL(merged)
        )
    END"""

UPDATE_CHANGED = f"""
    UPDATE {AUDIENCE} AS stored SET
        id_type = CASE WHEN sends_id_type THEN sent.id_type ELSE stored.id_type END,
        alt_id = CASE WHEN sends_alt_id THEN sent.alt_id ELSE stored.alt_id END,
        properties = {WRITTEN},
        value_ids = {WRITTEN_IDS},
        updated_at = greatest(%(moment)s, stored.created_at)
    FROM incoming AS sent
    WHERE stored.id = sent.id AND (
        sends_id_type AND stored.id_type IS DISTINCT FROM sent.id_type
        OR sends_alt_id AND stored.alt_id IS DISTINCT FROM sent.alt_id
        OR stored.properties <> {WRITTEN}
    )
    RETURNING stored.number, stored.value_ids"""

INSERT_NEW = f"""
    INSERT INTO {AUDIENCE} (id, number, id_type, alt_id, properties, value_ids, created_at, updated_at)
    SELECT id,
        %(next_number)s - 1 + row_number() OVER (ORDER BY id),
        CASE WHEN sends_id_type THEN id_type ELSE 'account_id' END,
        alt_id,
        coalesce(properties, '{{}}'),
        coalesce(value_ids, '{{}}'),
        coalesce(created_at, %(moment)s),
        greatest(%(moment)s, created_at)
    FROM incoming AS sent
    WHERE NOT EXISTS (SELECT FROM {AUDIENCE} AS stored WHERE stored.id = sent.id)
    RETURNING number, value_ids"""

# One row for each value that an audience has now which was written, with the numbers of those who have it.
WRITE = f"""
    WITH updated AS ({UPDATE_CHANGED}), created AS ({INSERT_NEW}),
    touched AS (
        SELECT number, value_ids || '{{{EVERYONE}}}' AS has FROM updated
        UNION ALL SELECT number, value_ids || '{{{EVERYONE},{FRESH}}}' FROM created
    )
    SELECT value, string_agg({FOUR_BYTES}, '' ORDER BY number) FROM touched, unnest(has) AS value GROUP BY value"""


class PostgresStore(AudienceStore):
    """Keeps audiences in the tables of `Audience` and `AudienceHead`; what it holds itself, `INDEX`, is a copy."""

    def upsert(self, changes: Sequence[ProfileChange]) -> UpsertCounts:
        refuse_twice(changes)
        if not changes:
            return UpsertCounts()
        with transaction.atomic():
            stage(changes)
            head = lock_head()
            width.refuse_too_wide(changes)
            created, updated = write_staged(head)
            execute("DROP TABLE incoming")
        return UpsertCounts(created, updated, unchanged=len(changes) - created - updated)

    def create(self, change: ProfileChange) -> Profile:
        with transaction.atomic():
            stage([change])
            head = lock_head()
            if self.get([change.id]):
                raise AudienceExists(change.id)
            return self._written(change, head)

    def update(self, change: ProfileChange) -> Profile:
        with transaction.atomic():
            stage([change])
            head = lock_head()
            if not self.get([change.id]):
                raise AudienceMissing
            return self._written(change, head)

    def _written(self, change: ProfileChange, head: AudienceHead) -> Profile:
        """The audience as what is staged of it leaves it."""
        write_staged(head)
        execute("DROP TABLE incoming")
        return self.get([change.id])[change.id]

    def get(self, ids: Iterable[str]) -> dict[str, Profile]:
        return {profile.id: profile for profile in profiles(Audience.objects.filter(pk__in=list(ids)))}

    def wide(self, ids: Iterable[str], least: int) -> dict[str, frozenset[str]]:
        return width.wide(ids, least)

    def page(self, after: str | None, limit: int) -> list[Profile]:
        return profiles(Audience.objects.filter(pk__gt=after or "").order_by("pk")[:limit])

    def offset_page(self, offset: int, limit: int) -> list[Profile]:
        return profiles(Audience.objects.order_by("pk")[offset : offset + limit])

    def erase(self, ids: Iterable[str]) -> int:
        gone = f"DELETE FROM {AUDIENCE} WHERE id = ANY(%s::text[]) RETURNING number"
        with transaction.atomic():
            head = lock_head()
            numbers = numbers_of(number for (number,) in fetch_all(gone, [list(ids)]))
            if numbers:
                advance(head, fetch_one("SELECT clock_timestamp()")[0], Delta(touched=numbers))
        return len(numbers)

    @contextmanager
    def snapshot(self, *, lasting: bool = False) -> Iterator[Snapshot]:
        """One read-only REPEATABLE READ transaction, so that all answers are of one moment.

        Inside a transaction of the caller's the isolation is the caller's: under READ COMMITTED each answer
        is exact for some moment at or after `as_of`, and counts what the caller wrote before; audiences
        that others commit between two answers may be in the second one alone. A lasting view of its own
        gives each statement, and each pause between two, ten minutes; then PostgreSQL ends it.
        """
        if connection.in_atomic_block:
            yield snapshot(keep=False)
            return
        with transaction.atomic():
            execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            if lasting:
                execute(f"SET LOCAL statement_timeout = '{PATIENCE}'")
                execute(f"SET LOCAL idle_in_transaction_session_timeout = '{PATIENCE}'")
            yield snapshot(keep=True)

    def check(self) -> list[str]:
        with self.snapshot():
            return [*check_numbers(), *check_properties()]


def snapshot(*, keep: bool) -> Snapshot:
    """What answers in the transaction at hand: bitmaps where there are any, else rows."""
    view = INDEX.current(keep=keep)
    return RowsSnapshot() if view is None else IndexSnapshot(view, keep=keep)


def stage(changes: Sequence[ProfileChange]) -> None:
    """Bring the changes to the database, before the head is locked: nobody waits for it yet.

    Values come before the head for every writer, so that no two wait for each other.
    """
    ids = index_values(labels_of(changes))
    with connection.cursor() as cursor:
        cursor.execute(STAGE)
        with connection.wrap_database_errors, cursor.copy("COPY incoming FROM STDIN") as copy:
            for change in changes:
                copy.write_row(row(change, ids))


def labels_of(changes: Iterable[ProfileChange]) -> set[tuple[str, str]]:
    """The codes with their texts that the changes bring."""
    sent = (change.properties for change in changes if change.properties is not UNSENT)
    return {(code, text) for properties in sent for code, texts in properties.items() for text in texts}


def index_values(labels: set[tuple[str, str]]) -> Mapping[tuple[str, str], int]:
    """The numbers of these values, given now to those that had none; in order, so that nobody waits in a ring."""
    known = indexed(sorted(labels))
    if missing := sorted(labels - known.keys()):
        new = [IndexedValue(code=code, text=text) for code, text in missing]
        IndexedValue.objects.bulk_create(new, batch_size=5000, ignore_conflicts=True)
        known |= indexed(missing)
    return known


def row(change: ProfileChange, ids: Mapping[tuple[str, str], int]) -> tuple[object, ...]:
    """The change as a row of `incoming`."""
    properties: Properties = {} if change.properties is UNSENT else change.properties
    removed = [code for code, texts in properties.items() if not texts] if change.merges else None
    kept = {code: texts for code, texts in properties.items() if texts} if removed else properties
    return (
        change.id,
        None if change.id_type is UNSENT else change.id_type,
        change.id_type is not UNSENT,
        None if change.alt_id is UNSENT or change.alt_id is None else json.dumps(change.alt_id),
        change.alt_id is not UNSENT,
        None if change.properties is UNSENT else json.dumps(kept),
        None if change.properties is UNSENT else [ids[code, text] for code, texts in kept.items() for text in texts],
        list(properties) if change.merges else None,
        removed,
        None if change.created_at is UNSENT else change.created_at,
    )


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


def write_staged(head: AudienceHead) -> tuple[int, int]:
    """Write what `incoming` holds that is new or different; how many audiences were created and updated."""
    execute(BY_INDEX)
    moment, new = fetch_one(COUNT_NEW)
    if head.next_number + new > NUMBERS:
        raise NumbersExhausted
    rows = fetch_all(WRITE, {"moment": moment, "next_number": head.next_number})
    execute(AS_BEFORE)
    values = {value: roaring.bitmap_of(bytes(numbers)) for value, numbers in rows}
    if not values:
        return 0, 0
    fresh = values.pop(FRESH, NONE)
    head.next_number += len(fresh)
    advance(head, moment, Delta(values[EVERYONE], fresh, values))
    return len(fresh), len(values[EVERYONE]) - len(fresh)


def advance(head: AudienceHead, moment: datetime, delta: Delta) -> None:
    """Count one more write, and leave behind what it did."""
    head.seq += 1
    head.at = moment
    head.save()
    packed = delta.pack()
    AudienceDelta.objects.bulk_create([AudienceDelta(seq=head.seq, packed=packed)])
    compacting.look_after(head.seq, len(packed))


def profiles(audiences: QuerySet[Audience]) -> list[Profile]:
    fields = ("id", "id_type", "alt_id", "properties", "created_at", "updated_at")
    return [Profile(*values) for values in audiences.values_list(*fields)]
