"""Statements of the store, on Django's connection."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection, transaction
from psycopg import IsolationLevel

Params = Sequence[Any] | Mapping[str, Any]

# Four bytes of a number up to 2³² less 1, the highest first; `roaring.bitmap_of` reads them.
FOUR_BYTES = "int4send((number - CASE WHEN number < 2147483648 THEN 0 ELSE 4294967296 END)::int4)"


# The last transaction whose rows may be seen here. Rows that came by a dump have numbers of another server, perhaps far
# ahead of this one's: without this bound they would be read as news until it comes so far.
LAST_SEEN = "greatest(pg_snapshot_xmax(pg_current_snapshot()), pg_current_xact_id_if_assigned())"


def history_of(table: str) -> str:
    """SQL for what is another text whenever a table may hold another history than it did before, of which nothing
    that a process has kept is true any more: the server was started again, perhaps from a backup or as a standby
    that was promoted, or the table was made or filled anew.
    """
    return f"concat(pg_postmaster_start_time(), ' ', pg_relation_filenode('{table}'))"


def fetch_one(query: str, params: Params | None = None) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        found: tuple[Any, ...] = cursor.fetchone()
        return found


def fetch_all(query: str, params: Params | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, params)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def execute(statement: str, params: Params | None = None) -> int:
    """Run a statement; how many rows it wrote."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return int(cursor.rowcount)


@contextmanager
def one_moment() -> Iterator[None]:
    """A transaction whose reads are all of one moment; BEGIN says so, which saves a statement."""
    connection.close_if_health_check_failed()  # now, as `atomic` would take another session for it
    connection.ensure_connection()
    session = connection.connection
    before = session.isolation_level, session.read_only
    with connection.wrap_database_errors:
        session.isolation_level, session.read_only = IsolationLevel.REPEATABLE_READ, True
    try:
        with transaction.atomic():
            yield
    finally:
        if not session.closed:
            session.isolation_level, session.read_only = before


def fetch_binary(query: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The same with megabytes of bytes in the answer, which come as they are and not as text."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(query, params, binary=True)  # type: ignore[arg-type]
        return cursor.fetchall()
