"""Runs the service in the foreground, and stops what is left of a run; one server for each A2_LOCAL_DIR."""

import contextlib
import fcntl
import http.client
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import FrameType
from typing import IO

from django.utils.translation import gettext as _

from a2service import programs
from a2service.address import Address
from a2service.localdb import LocalDatabase
from a2service.programs import STOP_SECONDS, Program
from a2service.steps import step

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
READY_SECONDS = 60
PID_FILES = ("gunicorn.pid", "worker.pid")


class LaunchError(Exception):
    """The service cannot be run; the message says why and what to do."""


class Interruption:
    """Turns Ctrl-C, SIGTERM and a closed terminal into one KeyboardInterrupt, at a moment when all can be undone."""

    def __init__(self) -> None:
        self.deferred = self.pending = False

    def listen(self) -> None:
        for number in SIGNALS:
            signal.signal(number, self.heed)

    def heed(self, number: int, frame: FrameType | None) -> None:
        self.pending = True
        if not self.deferred:
            self.deferred = True  # one is enough; what follows it is the way out
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def later(self) -> Iterator[None]:
        """Do something whole: who interrupts it is heard afterwards."""
        before, self.deferred = self.deferred, True
        try:
            yield
        finally:
            self.deferred = before
        if self.pending and not self.deferred:
            self.deferred = True
            raise KeyboardInterrupt


class Server(Program):
    """gunicorn."""

    def __init__(self, address: Address, directory: Path, environment: Mapping[str, str] | None = None) -> None:
        command = ["-m", "gunicorn", "--bind", str(address), "--log-level", "warning"]
        super().__init__(command, directory / "gunicorn.pid", {**(environment or {}), "A2_PROCESS": "web"})
        self.address = address

    def wait_until_ready(self) -> None:
        """Until /readyz says so; LaunchError when the server ends or takes too long."""
        deadline = time.monotonic() + READY_SECONDS
        while (answer := self.readiness()) != "200":
            if self.process and self.process.poll() is not None:
                raise LaunchError(_("The server did not start; the lines above say why."))
            if time.monotonic() > deadline:
                raise LaunchError(_("The server does not get ready; /readyz answers: %s") % answer)
            time.sleep(0.05)

    def readiness(self) -> str:
        """What /readyz answers, or why it does not."""
        where = self.address.reachable
        connection = http.client.HTTPConnection(where.host, where.port, timeout=3)
        try:
            connection.request("GET", "/readyz")
            return str(connection.getresponse().status)
        except (OSError, http.client.HTTPException) as error:
            return str(error)
        finally:
            connection.close()


class Worker(Program):
    """What runs background jobs."""

    def __init__(self, directory: Path, environment: Mapping[str, str] | None = None) -> None:
        own = {**(environment or {}), "A2_PROCESS": "worker"}
        super().__init__(["manage.py", "worker"], directory / "worker.pid", own)


@contextlib.contextmanager
def local_database(database: LocalDatabase, interruption: Interruption) -> Iterator[None]:
    """The local PostgreSQL while it is needed; it is stopped whoever had started it."""
    try:
        with interruption.later(), step(_("Starting PostgreSQL")):
            database.start()
        yield
    finally:
        with interruption.later():
            database.stop()


@contextlib.contextmanager
def serving(server: Server, interruption: Interruption) -> Iterator[Server]:
    """The server while it is needed."""
    try:
        with step(_("Starting the server")):
            with interruption.later():
                server.start()
            server.wait_until_ready()
        yield server
    finally:
        with interruption.later():
            server.stop()


@contextlib.contextmanager
def working(worker: Worker, interruption: Interruption) -> Iterator[Worker]:
    """The worker while it is needed."""
    try:
        with interruption.later():
            worker.start()
        yield worker
    finally:
        with interruption.later():
            worker.stop()


def wait(server: Server, worker: Worker, interruption: Interruption) -> int:
    """Until the server ends, its exit code; a worker that ends before is started again."""
    while (code := server.ended_within(1)) is None:
        if worker.ended_within(0) is not None:
            with interruption.later():
                worker.start()
    return code


@contextlib.contextmanager
def only_one(directory: Path) -> Iterator[None]:
    """Be the only run in this folder; LaunchError when there is another, or a program that one left behind."""
    directory.mkdir(parents=True, exist_ok=True)
    with lock_file(directory).open("a+") as file:
        if not held(file, fcntl.LOCK_EX):
            words = {"pid": holder(directory) or "?"}
            raise LaunchError(_("This service runs already, as process %(pid)s; type: make stop") % words)
        if pid := left_behind(directory):
            raise LaunchError(
                _("A program of a run that was killed is still there, as process %d; type: make stop") % pid
            )
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def held(file: IO[str], how: int) -> bool:
    """Whether the lock could be had; it is kept until the file is closed, also by a kill."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def holder(directory: Path) -> int | None:
    """The process that runs the service in this folder: it holds the lock, and wrote its number there."""
    with contextlib.suppress(FileNotFoundError), lock_file(directory).open() as file:
        text = file.read().strip()
        # A run that has only just got the lock may not have replaced the number of a killed one yet.
        if text.isdecimal() and not held(file, fcntl.LOCK_SH) and "manage.py" in programs.command_of(int(text)):
            return int(text)
    return None


def left_behind(directory: Path) -> int | None:
    """A program of this folder that a run which was killed has left."""
    found = (programs.running(directory / name) for name in PID_FILES)
    return next((pid for pid in found if pid), None)


def stop(directory: Path) -> bool:
    """Stop the run of this folder and what is left of one; False when there was nothing."""
    stopped = end(lambda: holder(directory), signal.SIGTERM, 3 * STOP_SECONDS)
    for how in (signal.SIGTERM, signal.SIGKILL):
        for file in (directory / name for name in PID_FILES):
            stopped |= end(partial(programs.running, file), how, STOP_SECONDS)
    return stopped


def end(find: Callable[[], int | None], how: signal.Signals, seconds: int) -> bool:
    """Signal the process, if there is one, and wait until it is gone; False when there was none."""
    if (pid := find()) is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, how)
    deadline = time.monotonic() + seconds
    while find() == pid and time.monotonic() < deadline:
        time.sleep(0.05)
    return True


def lock_file(directory: Path) -> Path:
    return directory / "run.lock"
