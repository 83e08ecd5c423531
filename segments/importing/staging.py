"""Where checked rows wait, in a table of their own, until the whole file is judged."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from segments.importing.ahead import threads
from segments.importing.pace import Pace
from segments.store.database import execute, fetch_all, fetch_one

STAGED = "import_staged_"  # and the number of the import
CHUNK_BYTES = 8 * 2**20
SORTING = "256MB"  # of memory that PostgreSQL may take to do so
BODY = {"body": "text"}
PACKED = ("text", "jsonb")

CREATE = """
    CREATE {kind} TABLE {table} (line bigint, key text COLLATE "C", {columns}) WITH (autovacuum_enabled = off)"""
SHARED = """
    SELECT shared, min(key), max(key)
    FROM {table} CROSS JOIN LATERAL (SELECT body::json ->> %s) AS member (shared)
    WHERE shared IS NOT NULL
    GROUP BY shared HAVING min(key) <> max(key)
    ORDER BY shared LIMIT 1"""
BODIES = """
    SELECT DISTINCT ON (key) body FROM {table}
    WHERE key > %(after)s AND key <= %(upto)s ORDER BY key, line DESC"""

# The last key of the next range, or nothing where there are fewer rows.
END = "SELECT key FROM {table} WHERE key > %(after)s ORDER BY key OFFSET %(most)s - 1 LIMIT 1"
END_OF_LONG_ROWS = """
    SELECT max(key) FROM (
        SELECT key, sum(size) OVER (ORDER BY key ROWS UNBOUNDED PRECEDING) - size AS before FROM (
            SELECT DISTINCT ON (key) key, octet_length(staged::text) AS size FROM {table} AS staged
            WHERE key > %(after)s ORDER BY key, line DESC LIMIT %(most)s
        ) AS following
    ) AS summed WHERE before < %(bytes)s"""


@dataclass(frozen=True)
class Range:
    """The rows of `table` whose keys come behind `after` and up to `upto`; of each key the last line counts."""

    table: str
    after: str
    upto: str

    def bodies(self) -> list[str]:
        """The fields of each row as JSON, in the order of keys."""
        found = fetch_all(BODIES.format(table=self.table), {"after": self.after, "upto": self.upto})
        return [body for (body,) in found]


class Staging:
    """The rows of one import: line, key, and the columns that its kind needs."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.rows = 0
        self.has_long_rows = False
        self.pool: ThreadPoolExecutor | None = None
        self.bringing: Future[None] | None = None

    def create(self, columns: Mapping[str, str], *, lasting: bool = True) -> None:
        """Make the table, empty; one that is not to last goes with the connection.

        Whole texts are kept as they are: packing them takes longer than writing them.
        """
        described = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        kind = "UNLOGGED" if lasting else "TEMPORARY"
        self.drop()
        execute(CREATE.format(kind=kind, table=self.table, columns=described))
        for name, kind in columns.items():
            if kind in PACKED:
                execute(f"ALTER TABLE {self.table} ALTER {name} SET STORAGE EXTERNAL")

    def add(self, columns: Iterable[str], rows: Iterable[str], count: int) -> None:
        """Bring so many rows as COPY takes them."""
        self.rows += count
        names, text = ", ".join(("line", "key", *columns)), "".join(rows)
        self.wait()
        if self.pool is None:
            self.bring(names, text)
        else:
            self.bringing = self.pool.submit(self.bring, names, text)

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Bring rows while the next ones are read; all are there at the end."""
        if connection.in_atomic_block:
            yield
            return
        with threads() as self.pool:
            yield
            self.wait()
        self.pool = None

    def wait(self) -> None:
        """Until what is being brought is there, or the reason why it cannot be is raised."""
        if self.bringing:
            self.bringing.result()
        self.bringing = None

    def bring(self, names: str, text: str) -> None:
        cursor = connection.cursor()
        copying = f"COPY {self.table} ({names}) FROM STDIN"
        with cursor, connection.wrap_database_errors, cursor.copy(copying) as copy:
            copy.write(text)

    def complete(self) -> None:
        """Say that there is no more to come; the rows are put in the order in which they will be read."""
        with transaction.atomic():
            execute(f"SET LOCAL maintenance_work_mem = '{SORTING}'")
            execute(f"CREATE INDEX {self.table}_keys ON {self.table} (key, line DESC)")
            execute(f"CLUSTER {self.table} USING {self.table}_keys")
        self.look_for_long_rows()

    def is_whole(self, rows: int) -> bool:
        """Whether the table is there with so many rows: it is empty after PostgreSQL itself has crashed."""
        if (
            self.fetch("SELECT to_regclass('{table}')::text") is None
            or self.fetch("SELECT count(*) FROM {table}") != rows
        ):
            return False
        self.rows = rows
        self.look_for_long_rows()
        return True

    def count_upto(self, key: str) -> int:
        """How many keys there are up to this one."""
        return int(self.fetch("SELECT count(DISTINCT key) FROM {table} WHERE key <= %(key)s", key=key))

    def look_for_long_rows(self) -> None:
        out_of_line = "SELECT pg_relation_size(reltoastrelid) > 0 FROM pg_class WHERE oid = %s::regclass"
        self.has_long_rows = fetch_one(out_of_line, [self.table])[0]

    def shared(self, name: str) -> tuple[str, str, str] | None:
        """A value of this field that stands in rows of several keys, with two of them."""
        found = fetch_all(SHARED.format(table=self.table), [name])
        return found[0] if found else None  # type: ignore[return-value]

    def ranges(self, pace: Pace, after: str = "") -> Iterator[Range]:
        """The rows behind a key in the order of keys, so many at a time as the pace says, and fewer of long ones."""
        greatest = self.fetch("SELECT max(key) FROM {table}")
        while greatest and after < greatest:
            upto = self.fetch(END_OF_LONG_ROWS if self.has_long_rows else END, after=after, most=pace.rows)
            yield Range(self.table, after, upto or greatest)
            after = upto or greatest

    def fetch(self, query: str, **params: object) -> Any:
        """The one value of the first row that is found."""
        found = fetch_all(query.format(table=self.table), {"bytes": CHUNK_BYTES, **params})
        return found[0][0] if found else None

    def drop(self) -> None:
        """Remove the table, unless the connection is gone."""
        if connection.is_usable():
            execute(f"DROP TABLE IF EXISTS {self.table}")
