"""What is measured of the engine, in this order: each step leaves the store for the next one."""

import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from django.db import connection

from bench import people
from segments.expressions import Expression
from segments.models import Audience, AudienceHead
from segments.store import ProfileChange, compacting, upkeep
from segments.store.index import INDEX
from segments.store.postgres import PostgresStore
from segments.store.rows import RowsSnapshot

ASKED_OF_ROWS = 10  # segments; each reads all rows


class Bench:
    """The store with `size` audiences, and the results so far: milliseconds, or what the name says."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.store = PostgresStore()
        self.trees = people.trees()
        self.results: dict[str, float] = {}

    def run(self) -> dict[str, float]:
        self.build()
        compacting.MOST_DELTAS = compacting.MOST_BYTES = sys.maxsize
        self.tell("compact what there is, s", seconds(upkeep.compact))
        self.load()
        self.count("count")
        self.count_rows()
        self.change()
        self.keep()
        self.write()
        return self.results

    def tell(self, name: str, result: float) -> None:
        self.results[name] = round(result, 3)
        sys.stdout.write(f"{name:<60}{result:>14,.2f}\n")
        sys.stdout.flush()

    def build(self) -> None:
        """Bring the audiences that are not there yet."""
        there = Audience.objects.filter(number__lt=self.size).count() // people.CHUNK * people.CHUNK
        before = time.monotonic()
        for first in range(there, self.size, people.CHUNK):
            self.store.upsert(people.chunk(first))
        if there < self.size:
            self.tell("built, audiences/s", (self.size - there) / (time.monotonic() - before))
            with connection.cursor() as cursor:
                cursor.execute(f"VACUUM ANALYZE {Audience._meta.db_table}")

    def load(self) -> None:
        INDEX.view = None
        before = memory()
        self.tell("load all bitmaps", 1000 * seconds(lambda: self.counts()))
        self.tell("memory for them, MB", memory() - before)
        self.tell("memory of the process, MB", memory())

    def counts(self) -> list[int]:
        with self.store.snapshot() as view:
            return [view.count(tree) for tree in self.trees]

    def count(self, name: str) -> None:
        """Medians of all segments, three times each: within a view, and with one opened for each."""
        self.counts()
        with self.store.snapshot() as view:
            self.tell(f"{name}, within a view", 1000 * median(lambda tree: view.count(tree), self.trees * 3))
        self.tell(f"{name}, a view each", 1000 * median(self.open_and_count, self.trees * 3))

    def open_and_count(self, tree: Expression) -> int:
        with self.store.snapshot() as view:
            return view.count(tree)

    def count_rows(self) -> None:
        rows = RowsSnapshot()
        asked = self.trees[:ASKED_OF_ROWS]
        self.tell("count in the rows", 1000 * median(rows.count, asked))
        with self.store.snapshot() as view:
            assert [view.count(tree) for tree in asked] == [rows.count(tree) for tree in asked]

    def change(self) -> None:
        """Random changes, one at a time and in bulk, and what they cost whoever reads."""
        one_by_one = self.changes(1_000)
        self.tell("1,000 changes one by one, each", seconds(lambda: [self.store.upsert([one]) for one in one_by_one]))
        self.catch_up("1,000 changes")
        self.store.upsert(self.changes(1))
        self.catch_up("1 change")
        for bulk in range(1, 21):
            self.store.upsert(self.changes(10_000))
            if bulk in (1, 5, 10, 20):
                total = f"{bulk * 10_000:,} more changes"
                self.catch_up(total)
                self.store.upsert(self.changes(1))
                self.catch_up(f"1 change after {total}")

    def changes(self, count: int) -> list[ProfileChange]:
        """Random ones, other ones at each time, also when the bench runs again."""
        return list(people.changes(count, self.size, seed=AudienceHead.objects.get().seq))

    def catch_up(self, name: str) -> None:
        self.tell(f"catching up with {name}", 1000 * seconds(lambda: self.open_and_count(self.trees[0])))
        self.count(f"count after {name}")

    def keep(self) -> None:
        count, size = upkeep.waiting()
        self.tell("deltas", count)
        self.tell("deltas, KB", size / 1000)
        INDEX.view = None
        self.tell("another process begins with them", 1000 * seconds(self.counts))
        self.tell("compact them, s", seconds(upkeep.compact))
        self.store.upsert(self.changes(1))
        self.tell("compact one change, s", seconds(upkeep.compact))
        self.tell("rebuild, s", seconds(lambda: list(upkeep.rebuild())))
        self.tell("check, s", seconds(lambda: list(upkeep.differences(sample=10_000))))
        self.load()

    def write(self) -> None:
        """Audiences per second, in calls of 10,000."""
        new = [people.chunk(first) for first in range(10 * self.size, 10 * self.size + 50_000, people.CHUNK)]
        other = [
            people.chunk(first, salt="other") for first in range(10 * self.size, 10 * self.size + 50_000, people.CHUNK)
        ]
        for name, chunks in [("new", new), ("the same again", new), ("changed", other)]:
            self.tell(f"upsert {name}, audiences/s", 50_000 / seconds(lambda chunks=chunks: self.upsert(chunks)))  # type: ignore[misc]
        self.tell("erase, audiences/s", 50_000 / seconds(lambda: self.erase(new)))

    def upsert(self, chunks: Sequence[list[ProfileChange]]) -> None:
        for changes in chunks:
            self.store.upsert(changes)

    def erase(self, chunks: Sequence[list[ProfileChange]]) -> None:
        for changes in chunks:
            self.store.erase([change.id for change in changes])


def seconds(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def median(work: Callable[[Expression], object], trees: Sequence[Expression]) -> float:
    return statistics.median(seconds(lambda tree=tree: work(tree)) for tree in trees)  # type: ignore[misc]


def memory() -> float:
    """The memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20
