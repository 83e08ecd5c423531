"""One line for each step of a start, with the seconds it took; standard library only, as the first step has no more."""

import sys
import time
from contextlib import contextmanager
from typing import Iterator  # noqa: UP035 a Python that is too old has to come as far as to hear so

WIDTH = 36


class Step:
    """What is being done; `note` is added to its line, for what the seconds do not tell."""

    note = ""


@contextmanager
def step(label: str) -> Iterator[Step]:
    """Print the label now, and the seconds when it is done."""
    say(f"{label} {'.' * (WIDTH - len(label))} ")
    start = time.monotonic()
    current = Step()
    try:
        yield current
    except BaseException:
        say("\n")
        raise
    seconds = time.monotonic() - start
    say(f"{seconds:.1f} s" + (f", {current.note}\n" if current.note else "\n"))


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
