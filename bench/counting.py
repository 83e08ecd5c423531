"""How fast a segment is counted, before and after changes."""

import operator
from pathlib import Path

from bench import clickhouse, peers, people
from bench.changing import changed
from bench.report import Report
from bench.timing import median, seconds
from segments.expressions import And
from segments.store import store
from segments.store.index import INDEX, IndexSnapshot
from segments.store.roaring import leaves
from segments.store.rows import RowsSnapshot

JOB = "Count one segment, median of 200"
AFTER = "Count after 10,000 random changes"
CHANGES = 10_000
FEW, FEWEST = 40, 3  # segments that are asked of peers in PostgreSQL, and of the rows
COPIED = 2**28  # bytes


def measure(report: Report, size: int, folder: Path) -> None:
    peers.make()
    trees = people.trees()
    INDEX.view = None
    report.add(
        JOB, "the first time: all 200, bitmaps loaded", 1000 * seconds(lambda: [count(tree) for tree in trees]), "ms"
    )
    engine = 1000 * own(trees)
    ours = 1000 * median(count, trees)
    report.add(JOB, "ours, in a view of the store", engine, "ms")
    report.add(JOB, "ours, a view opened for each", ours, "ms", times=1.0)
    beside_postgresql(report, trees[:FEW])
    beside_clickhouse(report, trees, folder, ours, size)
    limit(report, trees, engine)
    after_changes(report, trees, size, folder, engine)


def count(tree: And) -> int:
    with store().snapshot() as view:
        return view.count(tree)


def own(trees: list[And]) -> float:
    """The engine's own median, within one view."""
    with store().snapshot() as view:
        assert isinstance(view, IndexSnapshot)

        def count_afresh(tree: And) -> int:
            view.united.clear()
            return view.count(tree)

        return median(count_afresh, trees)


def aim(size: int, least: int) -> str:
    """The aims are for ten millions."""
    return f"≥ {least}" if size >= 10_000_000 else ""


def beside_postgresql(report: Report, trees: list[And]) -> None:
    """The same 40 for both, each once after one to begin with; ours are the same 40."""
    ours = 1000 * median(count, trees)
    with peers.much_memory():
        for table, condition, name, least in [
            (peers.INTS, peers.ints, "PostgreSQL, int[] with GIN", 100),
            (peers.JSON, peers.json, "PostgreSQL, jsonb with GIN", 300),
        ]:
            peers.count(table, condition(trees[0]))
            asked = [(tree, condition(tree)) for tree in trees]
            found = 1000 * median(lambda pair, table=table: peers.count(table, pair[1]), asked, rounds=1)
            report.add(JOB, f"{name}, of {FEW} of them", found, "ms", times=found / ours, aim=aim(report.size, least))
            assert all(peers.count(table, where) == count(tree) for tree, where in asked[:FEWEST])


def beside_clickhouse(report: Report, trees: list[And], folder: Path, ours: float, size: int) -> None:
    labels = [(code, text) for code, texts in people.TEXTS.items() for text in texts]
    house = clickhouse.open_clickhouse(folder, labels)
    if house is None:
        report.say(clickhouse.MISSING)
        return
    assert all(house.number(house.asked(tree)) == count(tree) for tree in trees)
    found = 1000 * median(house.number, [house.asked(tree) for tree in trees], rounds=1)
    report.add(JOB, "ClickHouse, aggregated bitmaps, in process", found, "ms", times=found / ours, aim=aim(size, 4))


def limit(report: Report, trees: list[And], engine: float) -> None:
    """What the bytes of the bitmaps alone would take at the speed of memory."""
    block, copy = b"x" * COPIED, memoryview(bytearray(COPIED))  # not zeros, which no memory needs to hold
    speed = COPIED / min(seconds(lambda: operator.setitem(copy, slice(None), block)) for _ in range(5))
    with store().snapshot() as view:
        assert isinstance(view, IndexSnapshot)
        values = [
            {value for listed in view.values_of(set(leaves(tree))).values() for value in listed} for tree in trees
        ]
        sizes = {value: len(numbers.serialize()) for value, numbers in view.stored(set().union(*values)).items()}
    bytes_read = sorted(sum(sizes[value] for value in of) for of in values)[len(values) // 2]
    found = 1000 * bytes_read / speed
    report.add(JOB, f"reading its bitmaps at {speed / 1e9:.1f} GB/s, the limit", found, "ms", times=found / engine)


def after_changes(report: Report, trees: list[And], size: int, folder: Path, before: float) -> None:
    with changed(folder, min(CHANGES, size // 10), size):
        found = 1000 * seconds(lambda: count(trees[0]))
        report.add(AFTER, "the first one, which catches up", found, "ms", aim="≤ 60")
        after = 1000 * own(trees)
        report.add(AFTER, "those after it, in a view", after, "ms", times=after / before, aim="≤ 2")
        for tree in trees[:FEWEST]:
            assert count(tree) == RowsSnapshot().count(tree)
