"""How long things take."""

import statistics
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def seconds(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


def median(work: Callable[[T], object], items: Iterable[T], rounds: int = 3) -> float:
    """The median of all the seconds that it takes for each item, so many times."""
    asked = list(items) * rounds
    return statistics.median(seconds(lambda item=item: work(item)) for item in asked)  # type: ignore[misc]
