"""What keeping the bitmaps takes."""

from pathlib import Path

from bench import people
from bench.changing import changed
from bench.report import Report
from bench.timing import seconds
from segments.store import editing, upkeep
from segments.store.bitmaps import BITMAP
from segments.store.database import fetch_one

JOB = "Keeping the bitmaps"


def measure(report: Report, size: int, folder: Path) -> None:
    stored = fetch_one(f"SELECT sum(length(data)) FROM {BITMAP}")[0]
    report.add(JOB, "stored", stored / 2**20, "MiB")
    with changed(folder, min(people.CHUNK, size // 10), size):
        report.add(JOB, "fold 10,000 random changes into them", seconds(upkeep.compact), "s")
    report.add(JOB, "make them anew from the rows", seconds(lambda: list(upkeep.rebuild())), "s")
    report.add(JOB, "write all ids in order", seconds(editing.make), "s")
    report.add(JOB, "compare all with the rows", seconds(lambda: list(upkeep.differences())), "s")
