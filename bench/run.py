"""A run: the audiences, then part after part, then the report."""

from collections.abc import Callable, Mapping
from pathlib import Path

from django.core.management import call_command

from bench import building, counting, exporting, keeping, looking, serving
from bench.changing import undo
from bench.report import Report

Part = Callable[[Report, int, Path], None]
PARTS: Mapping[str, Part] = {
    "counting": counting.measure,
    "looking": looking.measure,
    "exporting": exporting.measure,
    "serving": serving.measure,
    "keeping": keeping.measure,
}


def run(size: int, folder: Path, wanted: list[str]) -> None:
    call_command("migrate", verbosity=0)
    building.build(size)
    undo(folder)
    report = Report(size)
    for name in wanted or PARTS:
        PARTS[name](report, size, folder)
        report.keep(name)
