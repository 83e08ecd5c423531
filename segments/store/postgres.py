"""Audiences in PostgreSQL: rows that are the truth, and the deltas by which bitmaps follow them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.models import QuerySet

from segments.exceptions import AudienceExists, AudienceMissing
from segments.models import Audience, AudienceHead
from segments.store import renaming, width
from segments.store.audiences import (
    UNSENT,
    AudienceStore,
    Batch,
    Profile,
    ProfileChange,
    Properties,
    Snapshot,
    UpsertCounts,
    Written,
    refuse_twice,
)
from segments.store.checks import check_numbers, check_properties
from segments.store.database import execute, fetch_all, fetch_one, one_moment
from segments.store.index import INDEX, IndexSnapshot
from segments.store.numbering import number_values
from segments.store.roaring import Delta, numbers_of
from segments.store.rows import AUDIENCE, RowsSnapshot
from segments.store.writing import INCOMING, advance, lock_head, write_incoming

PATIENCE = "10min"


class PostgresStore(AudienceStore):
    """Keeps audiences in the tables of `Audience` and `AudienceHead`; what it holds itself, `INDEX`, is a copy."""

    def upsert(self, changes: Sequence[ProfileChange]) -> UpsertCounts:
        refuse_twice(changes)
        if not changes:
            return UpsertCounts()
        with transaction.atomic():
            stage(changes)
            created, updated = write_incoming(lock_head(), len(changes))
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
        write_incoming(head, 1)
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

    def rename(self, batch: Batch, code: str, old: str, new: str) -> int:
        with transaction.atomic():
            ids = number_values({(code, old), (code, new)})
            return renaming.rename(lock_head(), batch, (code, old, new), (ids[code, old], ids[code, new]))

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
        with one_moment():
            if lasting:
                execute(f"SET LOCAL statement_timeout = '{PATIENCE}'")
                execute(f"SET LOCAL idle_in_transaction_session_timeout = '{PATIENCE}'")
            yield snapshot(keep=True)

    def written(self) -> Written:
        rows = fetch_all(f"SELECT seq, clock_timestamp() - at FROM {AudienceHead._meta.db_table}")
        return Written(*rows[0]) if rows else Written()

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
    ids = number_values(labels_of(changes))
    with connection.cursor() as cursor:
        cursor.execute(INCOMING)
        with connection.wrap_database_errors, cursor.copy("COPY incoming FROM STDIN") as copy:
            for change in changes:
                copy.write_row(row(change, ids))


def labels_of(changes: Iterable[ProfileChange]) -> set[tuple[str, str]]:
    """The codes with their texts that the changes bring."""
    sent = (change.properties for change in changes if change.properties is not UNSENT)
    return {(code, text) for properties in sent for code, texts in properties.items() for text in texts}


def row(change: ProfileChange, ids: Mapping[tuple[str, str], int]) -> tuple[object, ...]:
    """The change as a row of `incoming`."""
    properties: Properties = {} if change.properties is UNSENT else change.properties
    kept = {code: texts for code, texts in properties.items() if texts} if change.merges else properties
    return (
        change.id,
        None if change.id_type is UNSENT else change.id_type,
        change.id_type is not UNSENT,
        None if change.alt_id is UNSENT or change.alt_id is None else json.dumps(change.alt_id),
        change.alt_id is not UNSENT,
        None if change.properties is UNSENT else json.dumps(kept),
        None if change.properties is UNSENT else [ids[code, text] for code, texts in kept.items() for text in texts],
        list(properties) if change.merges else None,
        None if change.created_at is UNSENT else change.created_at,
    )


def profiles(audiences: QuerySet[Audience]) -> list[Profile]:
    fields = ("id", "id_type", "alt_id", "properties", "created_at", "updated_at")
    return [Profile(*values) for values in audiences.values_list(*fields)]
