"""A run: the audiences, then part after part, then the report."""

from collections.abc import Callable, Mapping
from pathlib import Path

from django.core.management import call_command

from bench import building, counting, exporting, importing, keeping, looking, serving, staff
from bench.changing import undo
from bench.report import Report

Part = Callable[[Report, int, Path], None]
PARTS: Mapping[str, Part] = {
    "counting": counting.measure,
    "looking": looking.measure,
    "exporting": exporting.measure,
    "serving": serving.measure,
    "staff": staff.measure,
    "keeping": keeping.measure,
    "importing": importing.measure,
}
BY_THEMSELVES = {"importing"}  # parts that need no audiences but those that they bring


def run(size: int, folder: Path, wanted: list[str]) -> None:
    wanted = wanted or [*PARTS]
    if not BY_THEMSELVES.issuperset(wanted):
        call_command("migrate", verbosity=0)
        building.build(size)
        undo(folder)
    for name in wanted:
        report = Report(size, f"{name}-{size}" if name in BY_THEMSELVES else f"{size}")
        PARTS[name](report, size, folder)
        report.keep(name)
