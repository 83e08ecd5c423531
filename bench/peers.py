"""The same audiences as others would keep them in PostgreSQL: arrays of numbers, and JSON, each with a GIN index."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection
from psycopg.types.json import Jsonb

from bench.building import AUDIENCE, say
from segments.expressions import And, AnyOf
from segments.store.database import execute, fetch_one
from segments.store.index import indexed

INTS, JSON = "bench_ints", "bench_json"
TABLES = {
    INTS: (f"SELECT id, value_ids FROM {AUDIENCE}", "USING gin (value_ids)"),
    JSON: (f"SELECT id, properties FROM {AUDIENCE}", "USING gin (properties jsonb_path_ops)"),
}
Condition = tuple[str, list[object]]


def make() -> None:
    """The tables and their indexes, each when it is not there yet."""
    with much_memory():
        for table, (rows, index) in TABLES.items():
            if fetch_one("SELECT to_regclass(%s)", [table])[0] is None:
                say(f"making {table}")
                execute(f"CREATE TABLE {table} AS {rows}")
            if fetch_one("SELECT to_regclass(%s)", [f"{table}_gin"])[0] is None:
                say(f"making the index of {table}")
                execute(f"CREATE INDEX {table}_gin ON {table} {index}")
                execute(f"VACUUM (ANALYZE, FREEZE) {table}")


@contextmanager
def much_memory() -> Iterator[None]:
    """A session in which PostgreSQL may take what it needs; with the little it takes by itself it is slower."""
    execute("SET work_mem = '512MB'; SET maintenance_work_mem = '1GB'")
    try:
        yield
    finally:
        execute("RESET work_mem; RESET maintenance_work_mem")


def ints(tree: And) -> Condition:
    """Whom the tree selects, by their numbers."""
    clauses = [part for part in tree.parts if isinstance(part, AnyOf)]
    known = indexed([(clause.code, text) for clause in clauses for text in clause.values])
    lists: Sequence[object] = [[known[clause.code, text] for text in clause.values] for clause in clauses]
    return " AND ".join("value_ids && %s::int[]" for _ in clauses), list(lists)


def json(tree: And) -> Condition:
    """Whom the tree selects, by their properties."""
    clauses = [part for part in tree.parts if isinstance(part, AnyOf)]
    wanted: list[object] = [Jsonb({clause.code: [text]}) for clause in clauses for text in clause.values]
    either = (" OR ".join(["properties @> %s"] * len(clause.values)) for clause in clauses)
    return " AND ".join(f"({part})" for part in either), wanted


def count(table: str, condition: Condition) -> int:
    where, params = condition
    return int(fetch_one(f"SELECT count(*) FROM {table} WHERE {where}", params)[0])


def copied(table: str, condition: Condition) -> int:
    """How many bytes PostgreSQL sends of the ids, read as they come."""
    where, params = condition
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY (SELECT id FROM {table} WHERE {where}) TO STDOUT", params) as rows,
    ):
        return sum(len(part) for part in rows)
