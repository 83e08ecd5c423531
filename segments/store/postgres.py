"""Audiences in PostgreSQL rows.

Writers come one after the other: each brings its rows into a temporary table, then locks the one row of
`AudienceHead` and holds it until its transaction ends. So no two insert the same id or wait for each
other in a ring, and numbers are given out without gaps. A transaction that writes has to be READ COMMITTED,
as Django's are: what it reads after the lock must be what the writer before it left.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Max, QuerySet

from segments.exceptions import AudienceExists, AudienceMissing, NumbersExhausted
from segments.expressions import And, AnyOf, Expression, Nobody, Not
from segments.models import Audience, AudienceHead
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

NUMBERS = 2**32  # what a bitmap can hold
FETCHED = 5_000  # ids at a time
FEW_VALUES = 16
PATIENCE = "10min"

AUDIENCE = Audience._meta.db_table

Params = Sequence[str | list[str]] | Mapping[str, int | datetime]

STAGE = """
    CREATE TEMPORARY TABLE incoming (
        id text COLLATE "C",
        id_type text,
        sends_id_type boolean,
        alt_id jsonb,
        sends_alt_id boolean,
        properties jsonb,
        removed text[],
        created_at timestamptz
    ) ON COMMIT DROP"""

# A few thousand look-ups by id cost the same at any size; the planner, left alone, goes through the whole index.
BY_INDEX = "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
AS_BEFORE = "SET LOCAL enable_hashjoin TO DEFAULT; SET LOCAL enable_mergejoin TO DEFAULT"

COUNT_NEW = f"""
    SELECT clock_timestamp(), count(*) FROM incoming AS sent
    WHERE NOT EXISTS (SELECT FROM {AUDIENCE} AS stored WHERE stored.id = sent.id)"""

# `removed` names the attributes that a merging change removes, and is null where properties are replaced as a whole.
WRITTEN = "coalesce((stored.properties || sent.properties) - removed, sent.properties, stored.properties)"

UPDATE_CHANGED = f"""
    UPDATE {AUDIENCE} AS stored SET
        id_type = CASE WHEN sends_id_type THEN sent.id_type ELSE stored.id_type END,
        alt_id = CASE WHEN sends_alt_id THEN sent.alt_id ELSE stored.alt_id END,
        properties = {WRITTEN},
        updated_at = greatest(%(moment)s, stored.created_at)
    FROM incoming AS sent
    WHERE stored.id = sent.id AND (
        sends_id_type AND stored.id_type IS DISTINCT FROM sent.id_type
        OR sends_alt_id AND stored.alt_id IS DISTINCT FROM sent.alt_id
        OR stored.properties <> {WRITTEN}
    )"""

INSERT_NEW = f"""
    INSERT INTO {AUDIENCE} (id, number, id_type, alt_id, properties, created_at, updated_at)
    SELECT id,
        %(next_number)s - 1 + row_number() OVER (ORDER BY id),
        CASE WHEN sends_id_type THEN id_type ELSE 'account_id' END,
        alt_id,
        coalesce(properties, '{{}}'),
        coalesce(created_at, %(moment)s),
        greatest(%(moment)s, created_at)
    FROM incoming AS sent
    WHERE NOT EXISTS (SELECT FROM {AUDIENCE} AS stored WHERE stored.id = sent.id)"""

COUNT_UNCANONICAL = f"""
    SELECT count(*), min(id) FROM {AUDIENCE} WHERE EXISTS (
        SELECT FROM jsonb_each(properties) AS property (code, texts)
        WHERE texts IS DISTINCT FROM CASE WHEN jsonb_typeof(texts) = 'array' THEN (
            SELECT jsonb_agg(DISTINCT text ORDER BY text)
            FROM jsonb_array_elements_text(texts) AS listed,
                LATERAL (SELECT coalesce(listed, '') COLLATE "C") AS read (text)
        ) END
    )"""


class PostgresSnapshot(Snapshot):
    """Every answer is one statement; `as_of` is the database's clock, never later than what is answered."""

    def __init__(self) -> None:
        # PostgreSQL takes a transaction's view with its first statement, which is this one.
        self.as_of: datetime = fetch_one("SELECT statement_timestamp()")[0]

    @property
    def total(self) -> int:
        return int(fetch_one(f"SELECT count(*) FROM {AUDIENCE}")[0])

    def count(self, tree: Expression) -> int:
        where, params = condition(tree)
        return int(fetch_one(f"SELECT count(*) FROM {AUDIENCE} WHERE {where}", params)[0])

    def ids(self, tree: Expression, after: str | None = None, limit: int | None = None) -> Iterator[str]:
        where, params = condition(tree)
        query = f"SELECT id FROM {AUDIENCE} WHERE id > %s AND {where} ORDER BY id LIMIT %s"
        with connection.chunked_cursor() as cursor:
            cursor.execute(query, [after or "", *params, limit])
            while rows := cursor.fetchmany(FETCHED):
                yield from (audience_id for (audience_id,) in rows)

    def value_counts(self, code: str) -> dict[str, int]:
        query = f"""
            SELECT text, count(*)
            FROM {AUDIENCE} CROSS JOIN jsonb_array_elements_text(properties -> %s::text) AS text
            GROUP BY text"""
        with connection.cursor() as cursor:
            cursor.execute(query, [code])
            return dict(cursor.fetchall())


class PostgresStore(AudienceStore):
    """Keeps audiences in the tables of `Audience` and `AudienceHead`; it holds no state of its own."""

    def upsert(self, changes: Sequence[ProfileChange]) -> UpsertCounts:
        refuse_twice(changes)
        if not changes:
            return UpsertCounts()
        with transaction.atomic():
            stage(changes)
            created, updated = write_staged(lock_head())
            execute("DROP TABLE incoming")
        return UpsertCounts(created, updated, unchanged=len(changes) - created - updated)

    def create(self, change: ProfileChange) -> Profile:
        with transaction.atomic():
            lock_head()
            if self.get([change.id]):
                raise AudienceExists(change.id)
            return self._written(change)

    def update(self, change: ProfileChange) -> Profile:
        with transaction.atomic():
            lock_head()
            if not self.get([change.id]):
                raise AudienceMissing
            return self._written(change)

    def _written(self, change: ProfileChange) -> Profile:
        self.upsert([change])
        return self.get([change.id])[change.id]

    def get(self, ids: Iterable[str]) -> dict[str, Profile]:
        found = profiles(Audience.objects.filter(pk__in=list(ids)))
        return {profile.id: profile for profile in found}

    def page(self, after: str | None, limit: int) -> list[Profile]:
        return profiles(Audience.objects.filter(pk__gt=after or "").order_by("pk")[:limit])

    def offset_page(self, offset: int, limit: int) -> list[Profile]:
        return profiles(Audience.objects.order_by("pk")[offset : offset + limit])

    def erase(self, ids: Iterable[str]) -> int:
        with transaction.atomic():
            head = lock_head()
            gone = execute(f"DELETE FROM {AUDIENCE} WHERE id = ANY(%s::text[])", [list(ids)])
            if gone:
                advance(head, fetch_one("SELECT clock_timestamp()")[0])
        return gone

    @contextmanager
    def snapshot(self, *, lasting: bool = False) -> Iterator[Snapshot]:
        """One read-only REPEATABLE READ transaction, so that all answers are of one moment.

        Inside a transaction of the caller's the isolation is the caller's: under READ COMMITTED each answer
        is exact for its own moment, at or after `as_of`, and counts what the caller wrote; audiences
        that others commit between two answers are in the second one alone. A lasting view of its own
        gives each statement, and each pause between two, ten minutes; then PostgreSQL ends it.
        """
        if connection.in_atomic_block:
            yield PostgresSnapshot()
            return
        with transaction.atomic():
            execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            if lasting:
                execute(f"SET LOCAL statement_timeout = '{PATIENCE}'")
                execute(f"SET LOCAL idle_in_transaction_session_timeout = '{PATIENCE}'")
            yield PostgresSnapshot()

    def check(self) -> list[str]:
        with self.snapshot():
            return [*check_numbers(), *check_properties()]


def condition(tree: Expression) -> tuple[str, list[str | list[str]]]:
    """The tree as SQL that is true or false, never null, for a row of audiences, and its parameters."""
    match tree:
        case AnyOf(code, values) if len(values) <= FEW_VALUES:
            return "(properties -> %s::text ?| %s::text[]) IS TRUE", [code, list(values)]
        case AnyOf(code, values):
            # A long list is hashed once, where ?| reads all of it for every row: 17 ms for 417 with 1,000 values.
            texts = "SELECT FROM jsonb_array_elements_text(properties -> %s::text) AS text"
            return f"EXISTS ({texts} WHERE text = ANY(%s::text[]))", [code, list(values)]
        case And(parts):
            conditions = [condition(part) for part in parts]
            sql = " AND ".join(part for part, _params in conditions) or "true"
            return f"({sql})", [param for _part, params in conditions for param in params]
        case Not(part):
            sql, params = condition(part)
            return f"(NOT {sql})", params
        case Nobody():
            return "false", []


def stage(changes: Sequence[ProfileChange]) -> None:
    """Bring the changes to the database, where nobody waits for it yet."""
    with connection.cursor() as cursor:
        cursor.execute(STAGE)
        with connection.wrap_database_errors, cursor.copy("COPY incoming FROM STDIN") as copy:
            for change in changes:
                copy.write_row(row(change))


def row(change: ProfileChange) -> tuple[object, ...]:
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
        removed,
        None if change.created_at is UNSENT else change.created_at,
    )


def lock_head() -> AudienceHead:
    """Wait until no other writer is at work; from here to the end of the transaction this one is."""
    heads = AudienceHead.objects.select_for_update()
    head = heads.first()
    if head is None:
        highest = Audience.objects.aggregate(number=Max("number"))["number"]
        first = AudienceHead(next_number=0 if highest is None else highest + 1)
        AudienceHead.objects.bulk_create([first], ignore_conflicts=True)
        head = heads.get()
    return head


def write_staged(head: AudienceHead) -> tuple[int, int]:
    """Write what `incoming` holds that is new or different; how many audiences were created and updated."""
    execute(BY_INDEX)
    moment, new = fetch_one(COUNT_NEW)
    if head.next_number + new > NUMBERS:
        raise NumbersExhausted
    updated = execute(UPDATE_CHANGED, {"moment": moment})
    created = execute(INSERT_NEW, {"moment": moment, "next_number": head.next_number})
    execute(AS_BEFORE)
    if created or updated:
        head.next_number += created
        advance(head, moment)
    return created, updated


def advance(head: AudienceHead, moment: datetime) -> None:
    """Count one more write."""
    head.seq += 1
    head.at = moment
    head.save()


def profiles(audiences: QuerySet[Audience]) -> list[Profile]:
    fields = ("id", "id_type", "alt_id", "properties", "created_at", "updated_at")
    return [Profile(*values) for values in audiences.values_list(*fields)]


def check_numbers() -> Iterator[str]:
    """Whether the next audience would get a number that is free."""
    highest = Audience.objects.aggregate(number=Max("number"))["number"]
    head = AudienceHead.objects.first()
    if head and highest is not None and highest >= head.next_number:
        yield f"The next audience would get number {head.next_number}, but {highest} is given out already."


def check_properties() -> Iterator[str]:
    """Whether all properties are canonical; others are not matched rightly."""
    count, first = fetch_one(COUNT_UNCANONICAL)
    if count:
        problem = "Audiences whose properties are not sorted lists of distinct texts"
        yield f"{problem}: {count:,}, the first of them '{first}'. Load them again."


def fetch_one(query: str, params: Params | None = None) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        found: tuple[Any, ...] = cursor.fetchone()
        return found


def execute(statement: str, params: Params | None = None) -> int:
    """Run a statement; how many rows it wrote."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return int(cursor.rowcount)
