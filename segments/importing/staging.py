"""Where checked rows wait, in a table of their own, until the whole file is judged."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from segments.importing.ahead import threads
from segments.importing.ordering import NONE, Already, has_long_rows, keep_whole, put_in_order
from segments.importing.pace import Pace
from segments.store.database import execute, fetch_all

STAGED = "import_staged_"  # and the number of the import
READ = "_read"  # what the file has in its own order, until it is put in the order of keys
CHUNK_BYTES = 8 * 2**20
BODY = {"body": "text"}

CREATE = """
    CREATE {kind} TABLE {table}{read} (line bigint, key text COLLATE "C", {columns}) WITH (autovacuum_enabled = off)"""

IS_ORDERED = "SELECT FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = 'is_stored'"

SHARED = """
    SELECT shared, min(key), max(key)
    FROM {table}{read} CROSS JOIN LATERAL (SELECT body::json ->> %s) AS member (shared)
    WHERE shared IS NOT NULL
    GROUP BY shared HAVING min(key) <> max(key)
    ORDER BY shared LIMIT 1"""
BODIES = "SELECT body FROM {table} WHERE key > %(after)s AND key <= %(upto)s ORDER BY key"

COUNT = "SELECT count(*) FROM {table} WHERE key > %(after)s"

# The last key of the next range, or nothing where there are fewer rows to write.
END = """
    SELECT key FROM {table} WHERE key > %(after)s AND NOT is_stored ORDER BY key OFFSET %(most)s - 1 LIMIT 1"""
END_OF_LONG_ROWS = """
    SELECT max(key) FROM (
        SELECT key, sum(size) OVER (ORDER BY key ROWS UNBOUNDED PRECEDING) - size AS before FROM (
            SELECT key, octet_length(staged::text) AS size FROM {table} AS staged
            WHERE key > %(after)s AND NOT is_stored ORDER BY key LIMIT %(most)s
        ) AS following
    ) AS summed WHERE before < %(bytes)s"""


@dataclass(frozen=True)
class Range:
    """The rows of `table` whose keys come behind `after` and up to `upto`; no more than `most` are to be written.

    `stored` is how many there are, where all of them are here as they were sent.
    """

    table: str
    after: str
    upto: str
    most: int
    stored: int | None = None

    def bodies(self) -> list[str]:
        """The fields of each row as JSON, in the order of keys."""
        found = fetch_all(BODIES.format(table=self.table), {"after": self.after, "upto": self.upto})
        return [body for (body,) in found]


class Staging:
    """The rows of one import: key, and the columns that its kind needs.

    They come in the order of the file, each with its line. When they are complete they are in the order of keys, of
    each the last line, with `is_stored` for one that is here as it was sent.
    """

    def __init__(self, table: str, columns: Mapping[str, str] = BODY, *, lasting: bool = True) -> None:
        """One that is not to last goes with the connection."""
        self.table = table
        self.columns = columns
        self.kind = "UNLOGGED" if lasting else "TEMPORARY"
        self.rows = 0
        self.has_long_rows = False
        self.all_are_stored = False
        self.pool: ThreadPoolExecutor | None = None
        self.bringing: Future[None] | None = None

    def create(self) -> None:
        """Make the table for what is read, empty; JSON is text in it."""
        kinds = {name: "text" if kind == "jsonb" else kind for name, kind in self.columns.items()}
        self.drop()
        execute(self.query(CREATE, columns=", ".join(f"{name} {kind}" for name, kind in kinds.items())))
        keep_whole(self.table + READ, kinds)

    def add(self, columns: Iterable[str], rows: bytes, count: int) -> None:
        """Bring so many rows as COPY takes them."""
        self.rows += count
        names = ", ".join(("line", "key", *columns))
        self.wait()
        if self.pool is None:
            self.bring(names, rows)
        else:
            self.bringing = self.pool.submit(self.bring, names, rows)

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

    def bring(self, names: str, rows: bytes) -> None:
        cursor = connection.cursor()
        copying = self.query("COPY {table}{read} ({names}) FROM STDIN", names=names)
        with cursor, connection.wrap_database_errors, cursor.copy(copying) as copy:
            copy.write(rows)

    def complete(self, already: Already = NONE) -> None:
        """Say that there is no more to come; `already` says of each row `sent` whether it is here as it was sent."""
        with transaction.atomic():
            is_to_write = put_in_order(self.table + READ, self.table, self.kind, self.columns, already)
            execute(self.query("DROP TABLE {table}{read}"))
        self.has_long_rows = has_long_rows(self.table)
        self.all_are_stored = not is_to_write

    def is_whole(self, rows: int) -> bool:
        """Whether the table is there with what so many lines came to: it is empty after PostgreSQL has crashed."""
        if not fetch_all(IS_ORDERED, [self.table]) or (rows and not self.fetch("SELECT 1 FROM {table} LIMIT 1")):
            return False
        self.rows = rows
        self.has_long_rows = has_long_rows(self.table)
        return True

    def count_upto(self, key: str) -> int:
        """How many keys there are up to this one."""
        return int(self.fetch("SELECT count(*) FROM {table} WHERE key <= %(key)s", key=key))

    def shared(self, name: str) -> tuple[str, str, str] | None:
        """A value of this field that stands in rows of several keys, with two of them."""
        found = fetch_all(self.query(SHARED), [name])
        return found[0] if found else None  # type: ignore[return-value]

    def ranges(self, pace: Pace, after: str = "") -> Iterator[Range]:
        """The rows behind a key in the order of keys, so many at a time as the pace says, and fewer of long ones."""
        greatest = self.fetch("SELECT max(key) FROM {table}")
        while greatest and after < greatest:
            most = pace.rows
            if self.all_are_stored:
                yield Range(self.table, after, greatest, most, self.fetch(COUNT, after=after))
                return
            upto = self.fetch(END_OF_LONG_ROWS if self.has_long_rows else END, after=after, most=most)
            yield Range(self.table, after, upto or greatest, most)
            after = upto or greatest

    def fetch(self, query: str, **params: object) -> Any:
        """The one value of the first row that is found."""
        found = fetch_all(self.query(query), {"bytes": CHUNK_BYTES, **params})
        return found[0][0] if found else None

    def query(self, statement: str, **parts: str) -> str:
        return statement.format(kind=self.kind, table=self.table, read=READ, **parts)

    def drop(self) -> None:
        """Remove what there is, unless the connection is gone."""
        if connection.is_usable():
            execute(self.query("DROP TABLE IF EXISTS {table}, {table}{read}"))
