"""The same bitmaps in ClickHouse, in this process, where chdb is installed, which the project does not need."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.building import say
from segments.expressions import And, AnyOf
from segments.store import store
from segments.store.index import IndexSnapshot, indexed

try:
    import chdb.session
except ImportError:
    chdb = None

MISSING = "ClickHouse was not measured: chdb is not installed (pip install chdb)."
NAMES = "value UInt32, numbers Array(UInt32)"


class ClickHouse:
    """A table of bitmaps by value, made once in a folder; use it in one place at a time."""

    def __init__(self, folder: Path, values: Mapping[tuple[str, str], int]) -> None:
        self.values = values
        self.session: Any = chdb.session.Session(str(folder / "clickhouse"))
        self.query("CREATE DATABASE IF NOT EXISTS bench")
        self.query(
            "CREATE TABLE IF NOT EXISTS bench.bits (value UInt32, numbers AggregateFunction(groupBitmap, UInt32))"
            " ENGINE = AggregatingMergeTree ORDER BY value"
        )
        if self.number("SELECT count() FROM bench.bits") != len(values):
            self.fill(folder / "bits.bin")

    def fill(self, path: Path) -> None:
        """Bring each value's numbers as an array, which is a length of seven bits a byte and four bytes a number."""
        say("making ClickHouse's bitmaps")
        with store().snapshot() as view, path.open("wb") as file:
            assert isinstance(view, IndexSnapshot)
            for value in self.values.values():
                numbers = view.stored([value])[value].to_array()
                file.write(value.to_bytes(4, "little") + varint(len(numbers)) + numbers.tobytes())
        self.query("TRUNCATE TABLE bench.bits")
        self.query(
            "INSERT INTO bench.bits SELECT value, arrayReduce('groupBitmapState', numbers)"
            f" FROM file('{path}', 'RowBinary', '{NAMES}')"
        )
        self.query("OPTIMIZE TABLE bench.bits FINAL")
        path.unlink()

    def query(self, query: str) -> str:
        return str(self.session.query(query, "TabSeparated"))

    def number(self, query: str) -> int:
        return int(self.query(query))

    def asked(self, tree: And) -> str:
        """The query that counts whom the tree selects."""
        listed = [
            ", ".join(str(self.values[clause.code, text]) for text in clause.values)
            for clause in tree.parts
            if isinstance(clause, AnyOf)
        ]
        if len(listed) == 1:
            return f"SELECT groupBitmapMerge(numbers) FROM bench.bits WHERE value IN ({listed[0]})"
        sets = [f"(SELECT groupBitmapMergeState(numbers) FROM bench.bits WHERE value IN ({one}))" for one in listed]
        both, last = sets[0], sets[-1]
        for one in sets[1:-1]:
            both = f"bitmapAnd({both}, {one})"
        return f"SELECT bitmapAndCardinality({both}, {last})"


def varint(number: int) -> bytes:
    some = bytearray()
    while number > 127:
        some.append(number & 127 | 128)
        number >>= 7
    return bytes([*some, number])


def open_clickhouse(folder: Path, labels: list[tuple[str, str]]) -> ClickHouse | None:
    return ClickHouse(folder, indexed(labels)) if chdb else None
