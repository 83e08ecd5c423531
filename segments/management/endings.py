"""How commands end when somebody ends them: without a traceback, and with the exit code that a shell expects."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from django.core.management.base import CommandError, OutputWrapper
from django.utils.translation import gettext as _

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SIGNALLED = 128  # a shell adds the number of the signal
READER_HAS_GONE = SIGNALLED + signal.SIGPIPE


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, or another signal that asks the process to end; `code` is the exit code for it."""

    def __init__(self, number: int) -> None:
        super().__init__(_("It was interrupted by %(signal)s.") % {"signal": signal.Signals(number).name})
        self.code = SIGNALLED + number


@contextmanager
def interruptible() -> Iterator[None]:
    """Signals raise Interrupted here, once: what follows is the way out, and the next one ends the process at once."""

    def heed(number: int, frame: FrameType | None) -> None:
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        raise Interrupted(number)

    before = {number: signal.getsignal(number) for number in heeded()}
    for number in before:
        signal.signal(number, heed)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def heeded() -> list[int]:
    """The signals that nobody, such as nohup, has chosen to ignore; only the main thread hears of any."""
    if threading.current_thread() is not threading.main_thread():
        return []
    return [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]


@contextmanager
def reader_may_leave(out: OutputWrapper, cut_short: int) -> Iterator[None]:
    """Write what a program reads; when that has gone, end as the shell says of whom SIGPIPE ended.

    Where something else is in the way, such as a full disk, a sentence says what, and the exit code is `cut_short`.
    """
    try:
        yield
        out.flush()
    except BrokenPipeError:
        let_go(out)
        sys.exit(READER_HAS_GONE)
    except OSError as error:
        let_go(out)
        message = _("What was written is not all of it: %(problem)s. Make room, or write elsewhere, and run it again.")
        raise CommandError(message % {"problem": error.strerror or error}, returncode=cut_short) from None


def tell(out: OutputWrapper, line: str) -> None:
    """Write a line for people; that nobody reads it is no reason to stop."""
    try:
        out.write(line)
    except BrokenPipeError:
        let_go(out)


def let_go(out: OutputWrapper) -> None:
    """Let what is still buffered, and all that follows, go nowhere, or Python complains of it when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
