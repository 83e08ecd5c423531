"""Lines of a large file that are read in processes of their own: Python itself uses one core for each process.

What they ask of the database is answered here, so they need neither the database nor Django, and little memory.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self

from django.conf import settings

from segments.exceptions import ImportRefused, gettext_noop
from segments.importing.ahead import THREADS
from segments.importing.quick import Asked, Quick, Taken

MODULE = "segments.importing.reader_apart"
LOST = gettext_noop(
    "A process that read the file was ended from outside, perhaps for want of memory; nothing was applied. "
    "Give the same command again."
)

Process = subprocess.Popen[bytes]


def are_worth_it() -> bool:
    """Whether there are cores for them."""
    return (os.cpu_count() or 1) > 1


class Apart:
    """The processes, in each of which `begin` makes what reads."""

    def __init__(self, begin: Callable[[Asked], Quick], asked: Asked) -> None:
        self.begin = begin
        self.asked = asked
        self.idle: SimpleQueue[Process] = SimpleQueue()
        self.opened = ExitStack()

    def __enter__(self) -> Self:
        for _each in range(THREADS):
            self.idle.put(self.start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.opened.close()

    def start(self) -> Process:
        """In a session of its own: a Ctrl-C is not for it, and it ends when this process does, however that ends."""
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            cwd=settings.BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.opened.callback(end, process)
        send(process, self.begin)
        return process

    def read(self, first: int, lines: Sequence[bytes]) -> Taken:
        """What one of them makes of these lines; ImportRefused when it is gone."""
        process = self.idle.get()
        try:
            return self.read_by(process, first, lines)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            raise ImportRefused(LOST) from None
        finally:
            self.idle.put(process)

    def read_by(self, process: Process, first: int, lines: Sequence[bytes]) -> Taken:
        send(process, (first, b"\n".join(lines)))
        while True:
            said = received(process)
            if isinstance(said, Taken):
                return said
            name, *args = said
            send(process, getattr(self.asked, name)(*args))


def end(process: Process) -> None:
    with suppress(BrokenPipeError), process:
        process.kill()


def send(process: Process, what: Any) -> None:
    assert process.stdin
    pickle.dump(what, process.stdin)
    process.stdin.flush()


def received(process: Process) -> Any:
    assert process.stdout
    return pickle.load(process.stdout)  # noqa: S301 our own process
