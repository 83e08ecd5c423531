"""Progress on standard error: a bar where somebody looks, JSON lines of about one a second elsewhere."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import OutputWrapper
from django.utils.translation import gettext as _
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from segments.management.endings import tell

SECONDS = 1.0


class Told:
    """A line of JSON when a phase begins, and then at most one a second."""

    def __init__(self, out: OutputWrapper) -> None:
        self.out = out
        self.phase = ""
        self.total: int | None = None
        self.began = self.said = 0.0

    def begin(self, phase: str, total: int | None) -> None:
        self.phase, self.total = phase, total
        self.began = time.monotonic()
        self.say(0, 0)

    def advance(self, rows: int, done: int | None) -> None:
        if time.monotonic() - self.said >= SECONDS:
            self.say(rows, done)

    def say(self, rows: int, done: int | None) -> None:
        self.said = time.monotonic()
        seconds = self.said - self.began
        rate = round(rows / seconds) if rows else 0
        line: dict[str, Any] = {"phase": self.phase, "rows": rows, "rows_per_second": rate}
        if self.total and done:
            line["eta_seconds"] = round(seconds * (self.total - done) / done)
        tell(self.out, json.dumps(line))


class Drawn:
    """A bar for each phase, with rows a second and the time that is left."""

    def __init__(self, bars: Progress) -> None:
        self.bars = bars
        self.task: TaskID | None = None
        self.began = 0.0

    def begin(self, phase: str, total: int | None) -> None:
        if self.task is not None:
            self.bars.update(self.task, total=1, completed=1)
        words = {"reading": _("Reading"), "applying": _("Applying"), "sizing": _("Counting sizes")}
        self.began = time.monotonic()
        self.task = self.bars.add_task(words[phase], total=total, rows="")

    def advance(self, rows: int, done: int | None) -> None:
        if self.task is not None:
            rate = rows / max(time.monotonic() - self.began, 0.001)
            self.bars.update(self.task, completed=done, rows=_("%(rows)s rows, %(rate)s/s") % counted(rows, rate))


def counted(rows: int, rate: float) -> dict[str, str]:
    return {"rows": f"{rows:,}", "rate": f"{rate:,.0f}"}


@contextmanager
def shown_on(out: OutputWrapper) -> Iterator[Told | Drawn]:
    """Progress that suits this output."""
    if not out.isatty():
        yield Told(out)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        yield Drawn(bars)
