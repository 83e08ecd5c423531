"""What was measured: a line at a time on the screen, all of it as JSON, and tables of it for people."""

import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import connection

RESULTS = Path(__file__).parent / "results"
GIB = 2**30


@dataclass(frozen=True)
class Line:
    """One measurement of a job.

    `times` compares it with ours, as the job says; `aim` is what `times`, or else `value`, is to be at least or,
    where it begins with ≤, at the most.
    """

    job: str
    way: str
    value: float
    unit: str
    times: float | None = None
    aim: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the aim is met; None without one."""
        if not self.aim:
            return None
        sign, bound = self.aim.split()[:2]
        found = self.value if self.times is None else self.times
        return found >= float(bound) if sign == "≥" else found <= float(bound)


class Report:
    """The lines of a part of a run so far, in the order in which they were measured."""

    def __init__(self, size: int, name: str) -> None:
        self.size, self.name = size, name
        self.lines: list[Line] = []

    def add(self, job: str, way: str, value: float, unit: str, *, times: float | None = None, aim: str = "") -> None:
        line = Line(job, way, value, unit, times, aim)
        self.lines.append(line)
        told = f"{job[:52]:<54}{way[:52]:<54}{shown(value):>10} {unit:<5}"
        told += f"{shown(times):>9} ×" if times is not None else " " * 11
        sys.stdout.write(f"{told} {aim}{'' if line.holds is None else ' ✓' if line.holds else ' ✗'}\n")
        sys.stdout.flush()

    def say(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()

    def keep(self, part: str) -> None:
        """Put the part in the file of this name, in the place of an earlier one, and begin with the next."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.name}.json"
        parts = json.loads(path.read_text()) if path.exists() else {}
        parts[part] = {
            "date": f"{datetime.now(UTC):%Y-%m-%d}",
            "machine": machine(),
            "lines": [asdict(line) for line in self.lines],
        }
        path.write_text(json.dumps(parts, indent=1, ensure_ascii=False) + "\n")
        self.lines = []


def machine() -> str:
    """What it ran on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0].split()[0]
    load = os.getloadavg()[2]
    programs = f"PostgreSQL {version}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {memory:.0f} GiB of memory, {programs}; load average at the end {load:.1f}"


def tables(parts: dict[str, Any]) -> str:
    """The lines of all parts as Markdown, a table for each job."""
    lines = [Line(**line) for part in parts.values() for line in part["lines"]]
    jobs = dict.fromkeys(line.job for line in lines)
    return "\n".join(table(job, [line for line in lines if line.job == job]) for job in jobs)


def table(job: str, lines: list[Line]) -> str:
    rows = [f"| {line.way} | {shown(line.value)} {line.unit} | {times_of(line)} | {verdict(line)} |" for line in lines]
    return "\n".join([f"| {job} | | × | aim |", "|---|--:|--:|---|", *rows, ""])


def times_of(line: Line) -> str:
    return "" if line.times is None else shown(line.times)


def verdict(line: Line) -> str:
    return "" if line.holds is None else f"{line.aim}: {'met' if line.holds else '**missed**'}"


def shown(value: float) -> str:
    """Three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"
