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

from segments.importing.ahead import THREADS
from segments.importing.quick import Asked, Quick, Taken

MODULE = "segments.importing.reader_apart"
PIPE = 2**20  # bytes, so that neither waits for the other after every few lines
GONE = (EOFError, OSError, pickle.UnpicklingError)

Process = subprocess.Popen[bytes]


class Lost(Exception):
    """A process could not be started, or was ended from outside: what it was to read is to be read elsewhere."""


def are_worth_it() -> bool:
    """Whether there are cores for them."""
    return len(os.sched_getaffinity(0)) > 1


class Apart:
    """The processes, in each of which `begin` makes what reads."""

    def __init__(self, begin: Callable[[Asked], Quick], asked: Asked) -> None:
        self.begin = begin
        self.asked = asked
        self.idle: SimpleQueue[Process] = SimpleQueue()
        self.opened = ExitStack()
        self.is_lost = False

    def __enter__(self) -> Self:
        with ExitStack() as opened, suppress(OSError):
            for _each in range(THREADS):
                self.idle.put(self.start(opened))
            self.opened = opened.pop_all()
            return self
        self.is_lost = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.opened.close()

    def start(self, opened: ExitStack) -> Process:
        """Begin one, which ends when this process does, however that ends; it finds its program where this one does."""
        path = os.pathsep.join(map(os.path.abspath, sys.path))
        process = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pipesize=PIPE,
            start_new_session=True,
        )
        opened.callback(end, process)
        send(process, self.begin)
        return process

    def read(self, first: int, lines: Sequence[bytes], *, is_brief: bool = False) -> Taken:
        """What one of them makes of these lines; or Lost."""
        process = self.idle.get()
        try:
            return self.read_by(process, first, lines, is_brief)
        except GONE:
            self.is_lost = True
            raise Lost from None
        except BaseException:
            process.kill()  # it waits for an answer
            raise
        finally:
            self.idle.put(process)

    def read_by(self, process: Process, first: int, lines: Sequence[bytes], is_brief: bool) -> Taken:
        send(process, (first, b"\n".join(lines), is_brief))
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
