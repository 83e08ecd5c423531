"""Where checked rows wait, in a temporary table, until the whole file is judged."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.db import connection

CHUNK_CHARACTERS = 8 * 2**20
FETCHED = 500

CREATE = """
    CREATE TEMPORARY TABLE staged (line bigint, key text COLLATE "C", body text);
    ALTER TABLE staged ALTER body SET STORAGE EXTERNAL"""
LAST_OF_EACH_KEY = "SELECT DISTINCT ON (key) body FROM staged ORDER BY key, line DESC"
SHARED = """
    SELECT shared, min(key), max(key)
    FROM staged CROSS JOIN LATERAL (SELECT body::json ->> %s) AS member (shared)
    WHERE shared IS NOT NULL
    GROUP BY shared HAVING min(key) <> max(key)
    ORDER BY shared LIMIT 1"""


class Staging:
    """The rows of one import: line, key, and the fields as JSON."""

    def __init__(self) -> None:
        self.rows = 0
        self.longest = 1

    def add(self, rows: Iterable[tuple[int, str, bytes]]) -> None:
        cursor = connection.cursor()
        with cursor, connection.wrap_database_errors, cursor.copy("COPY staged FROM STDIN") as copy:
            for line, key, body in rows:
                copy.write_row((line, key, body.decode()))
                self.rows += 1
                self.longest = max(self.longest, len(body))

    def shared(self, name: str) -> tuple[str, str, str] | None:
        """A value of this field that stands in rows of several keys, with two of them."""
        with connection.cursor() as cursor:
            cursor.execute(SHARED, [name])
            found: tuple[str, str, str] | None = cursor.fetchone()
            return found

    def chunks(self, most: int) -> Iterator[list[str]]:
        """The last row of each key, in the order of keys, so many at a time, and fewer where they are long."""
        chunk: list[str] = []
        size = 0
        with connection.chunked_cursor() as cursor:
            cursor.execute(LAST_OF_EACH_KEY)
            # A row may be nearly a MiB, so where there are long ones few of them come at a time.
            while fetched := cursor.fetchmany(max(1, min(FETCHED, CHUNK_CHARACTERS // self.longest))):
                for (body,) in fetched:
                    chunk.append(body)
                    size += len(body)
                    if len(chunk) == most or size > CHUNK_CHARACTERS:
                        yield chunk
                        chunk, size = [], 0
        if chunk:
            yield chunk


@contextmanager
def staged() -> Iterator[Staging]:
    """An empty staging table, which is gone when the import ends, however it does."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS staged")
        cursor.execute(CREATE)
    try:
        yield Staging()
    finally:
        drop()


def drop() -> None:
    """Remove the table, unless the connection that had it is gone as well."""
    if connection.is_usable():
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS staged")
