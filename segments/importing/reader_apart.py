"""The program of a process that reads lines for an import, started by `apart`: lines come in, rows go out."""

import gc
import pickle
import signal
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from segments.importing.quick import Asked, Quick
from segments.importing.seen import Label

LOOK_FOR_RINGS_EVERY = 100_000
"""How many more lists and the like there may be before Python looks for those that hold one another: rows do not."""


class Far:
    """Asks the process that began this one, and waits for its answer."""

    def find(self, labels: set[Label]) -> Mapping[Label, int]:
        return cast(Mapping[Label, int], ask("find", labels))

    def aliases(self, code: str) -> Mapping[str, str]:
        return cast(Mapping[str, str], ask("aliases", code))

    def known(self, codes: Collection[str]) -> Collection[str]:
        return cast(Collection[str], ask("known", codes))

    def has_doubts(self) -> bool:
        return cast(bool, ask("has_doubts"))

    def doubtful(self, keys: Sequence[str]) -> Collection[str]:
        return cast(Collection[str], ask("doubtful", keys))


def ask(*question: Any) -> Any:
    say(question)
    return heard()


def say(what: Any) -> None:
    pickle.dump(what, sys.stdout.buffer)
    sys.stdout.flush()


def heard() -> Any:
    return pickle.load(sys.stdin.buffer)  # noqa: S301 from the process that began this one


def main() -> None:
    """Read until nothing more comes, as that process has ended; signals are for that one to heed."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    gc.set_threshold(LOOK_FOR_RINGS_EVERY)
    with suppress(EOFError, BrokenPipeError, pickle.UnpicklingError):
        begin: Callable[[Asked], Quick] = heard()
        quick = None
        while True:
            first, lines, is_brief = heard()
            quick = quick or begin(Far())  # which asks already, and now there is somebody who answers
            say(quick.read(first, lines.split(b"\n"), is_brief=is_brief))


if __name__ == "__main__":
    main()
