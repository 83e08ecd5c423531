"""Numbers over time as SVG: paths, and where their labels stand. Templates draw them, without a style or a script."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise

from django.utils import timezone
from django.utils.formats import date_format

from segments.templatetags.shown import grouped

WIDE, HIGH = 1000, 1000
MOST_TICKS = 4
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Point:
    """A size that holds from a moment on, of the definition with this revision."""

    at: datetime
    size: int
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Label:
    """Something said at a place of the plot, which is counted in thousandths of its width or height."""

    place: int
    text: str

    @property
    def percent(self) -> str:
        return f"{self.place / 10:.1f}%"


@dataclass(frozen=True)
class Plot:
    """A line of steps with what is written at it; `readings` are place, moment and size for who points at it."""

    line: str
    heights: tuple[Label, ...]
    moments: tuple[Label, ...]
    marks: tuple[Label, ...]
    readings: tuple[tuple[int, str, str], ...]

    @property
    def readings_json(self) -> str:
        return json.dumps(self.readings)

    @property
    def area(self) -> str:
        return f"{self.line}V{HIGH}H{self.line[1 : self.line.index(' ')]}Z"


def plot(points: Sequence[Point], begin: datetime, end: datetime) -> Plot | None:
    """The sizes between two moments; None where there is no size yet to draw."""
    if not points:
        return None
    heights = ticks(min(point.size for point in points), max(point.size for point in points))
    low, high = heights[0], heights[-1]
    shown = thinned(points, begin, end)
    changed = [after for before, after in pairwise(points) if after.revision != before.revision]
    return Plot(
        line=steps(shown, begin, end, low, high),
        heights=tuple(Label(down(height, low, high), grouped(height)) for height in heights),
        moments=tuple(moments(begin, end)),
        marks=tuple(Label(across(point.at, begin, end), long_date(point.at)) for point in changed),
        readings=tuple((across(p.at, begin, end), long_date(p.at), grouped(p.size)) for p in shown),
    )


def spark(points: Sequence[Point], begin: datetime, end: datetime) -> str:
    """The same as a small line without words; it uses all the height there is."""
    if not points:
        return ""
    sizes = [point.size for point in points]
    low, high = min(sizes), max(sizes)
    pad = (high - low) // 8 or 1
    return steps(thinned(points, begin, end), begin, end, low - pad, high + pad)


def steps(points: Iterable[Point], begin: datetime, end: datetime, low: int, high: int) -> str:
    """A path that keeps its height until the next point, up to the end."""
    parts: list[str] = []
    for point in points:
        x, y = across(point.at, begin, end), down(point.size, low, high)
        parts.append(f"H{x}V{y}" if parts else f"M{x} {y}")
    return "".join(parts) + f"H{WIDE}"


def thinned(points: Sequence[Point], begin: datetime, end: datetime) -> list[Point]:
    """At most four points for each thousandth of the width: the first, the lowest, the highest and the last."""
    kept: list[Point] = []
    for _place, together in groupby(points, lambda point: across(point.at, begin, end)):
        group = list(together)
        extremes = {0, len(group) - 1}
        extremes |= {pick(range(len(group)), key=lambda n: group[n].size) for pick in (min, max)}
        kept += [group[place] for place in sorted(extremes)]
    return kept


def across(moment: datetime, begin: datetime, end: datetime) -> int:
    span = (end - begin).total_seconds() or 1
    return round(WIDE * min(max((moment - begin).total_seconds() / span, 0), 1))


def down(size: int, low: int, high: int) -> int:
    return HIGH - round(HIGH * (size - low) / ((high - low) or 1))


def ticks(lowest: int, highest: int) -> list[int]:
    """Round heights that take in both; from 0 on, unless the sizes are close together and far from it."""
    base = lowest if highest > lowest > 0.7 * highest else 0
    step = 1
    for step in rounds():
        first = base // step * step
        if first + step * MOST_TICKS >= max(highest, first + 1):
            break
    count = max(1, -(-(highest - first) // step))
    return [first + step * place for place in range(count + 1)]


def rounds() -> Iterator[int]:
    """1, 2, 5, 10, 20, 50 and so on."""
    power = 1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def moments(begin: datetime, end: datetime) -> Iterator[Label]:
    """Three moments between the edges."""
    span = end - begin
    for place in (1, 3, 5):
        moment = begin + span * place / 6
        told = date_format(timezone.localtime(moment), "H:i" if span <= 2 * DAY else "m-d")
        yield Label(round(WIDE * place / 6), told)


def long_date(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "Y-m-d H:i")
