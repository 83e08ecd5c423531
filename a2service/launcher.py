"""Runs the service in the foreground, and stops what is left of a run; one server for each A2_LOCAL_DIR."""

import contextlib
import fcntl
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from django.utils.translation import gettext as _

from a2service.address import Address
from a2service.localdb import LocalDatabase
from a2service.steps import step

ROOT = Path(__file__).resolve().parent.parent
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
READY_SECONDS = 60
STOP_SECONDS = 20  # gunicorn lets requests finish for half of them


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


@dataclass
class Server:
    """gunicorn, in a session of its own, out of reach of the terminal's Ctrl-C; its pid file is in `directory`."""

    address: Address
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it and wait until it can serve; LaunchError when it does not come to that."""
        pid_file = server_pid_file(self.directory)
        pid_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "gunicorn", "--bind", str(self.address), "--pid", str(pid_file)]
        environment = {**os.environ, **self.environment, "A2_PROCESS": "web"}
        self.process = subprocess.Popen(
            [*command, "--log-level", "warning"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

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

    def wait(self) -> int:
        """Until it ends; its exit code."""
        return self.process.wait() if self.process else 0

    def stop(self) -> None:
        """Let it finish its requests; what takes too long is killed."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
            return
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


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
def only_one(directory: Path) -> Iterator[None]:
    """Be the only run in this folder; LaunchError when there is another, or a server that one left behind."""
    directory.mkdir(parents=True, exist_ok=True)
    with lock_file(directory).open("a+") as file:
        if not held(file, fcntl.LOCK_EX):
            words = {"pid": holder(directory) or "?"}
            raise LaunchError(_("This service runs already, as process %(pid)s; type: make stop") % words)
        if pid := left_behind(directory):
            raise LaunchError(
                _("The server of a run that was killed is still there, as process %d; type: make stop") % pid
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
        if text.isdecimal() and not held(file, fcntl.LOCK_SH) and "manage.py" in command_of(int(text)):
            return int(text)
    return None


def left_behind(directory: Path) -> int | None:
    """The gunicorn of this folder, if its process lives and is that one: numbers are used again."""
    pid_file = server_pid_file(directory)
    try:
        pid = int(pid_file.read_text())
    except (OSError, ValueError):
        return None
    return pid if str(pid_file) in command_of(pid) else None


def command_of(pid: int) -> str:
    """The command line of a process, empty when there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
    except OSError:
        if Path("/proc/self").exists():
            return ""
    told = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S607
    return told.stdout


def stop(directory: Path) -> bool:
    """Stop the run of this folder and what is left of one; False when there was nothing."""
    stopped = end(lambda: holder(directory), signal.SIGTERM, 3 * STOP_SECONDS)
    stopped |= end(lambda: left_behind(directory), signal.SIGTERM, STOP_SECONDS)
    return end(lambda: left_behind(directory), signal.SIGKILL, STOP_SECONDS) or stopped


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


def server_pid_file(directory: Path) -> Path:
    return directory / "gunicorn.pid"
