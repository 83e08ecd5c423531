"""A private PostgreSQL on this machine for development, tests and the first five minutes.

It listens on a Unix socket alone, in a folder that only its user can enter, and needs no account,
no port and no configuration.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from a2service.pgprograms import LocalDatabaseError, find_programs, identity, last_line, owner, programs_for, run

__all__ = ["LocalDatabase", "LocalDatabaseError"]

LONGEST_SOCKET = 107 - len("/.s.PGSQL.5432")
LOCALES = ("C.UTF-8", "en_US.UTF-8", "C")
SECONDS = 60
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class LocalDatabase:
    """The PostgreSQL that lives in `directory`; `durable` off trades safety for speed, for tests."""

    directory: Path
    durable: bool = True

    @property
    def url(self) -> str:
        """The DATABASE_URL; psql and psycopg take it too."""
        return f"postgres://a2@{quote(str(self.socket_directory), safe='')}/a2"

    @property
    def data(self) -> Path:
        """PostgreSQL's data folder; as `nobody` it has to lie where `nobody` can go."""
        return self.directory / "data" if identity().user is None else Path("/var/tmp") / self.short_name  # noqa: S108

    @property
    def socket_directory(self) -> Path:
        """Where the socket is: beside the data, unless that path is too long for a socket."""
        beside = self.directory.absolute() / "socket"
        if identity().user is None and len(os.fsencode(beside)) <= LONGEST_SOCKET:
            return beside
        return Path("/tmp") / f"{self.short_name}-socket"  # noqa: S108

    @property
    def short_name(self) -> str:
        digest = hashlib.sha256(os.fsencode(self.directory.absolute())).hexdigest()[:16]
        return f"a2-{os.geteuid()}-{digest}"

    @property
    def log(self) -> Path:
        return self.data.with_name(f"{self.data.name}.log")

    def start(self) -> bool:
        """Start it, making its data folder at the first time; False when it runs already."""
        with self.locked():
            if self.pid() is not None and self.wait_until_ready():
                return False
            if not (self.data / "PG_VERSION").exists():
                self.create()
            programs = programs_for(self.data)
            private_folder(self.socket_directory)
            self.write_settings()
            self.launch(programs)
        return True

    def stop(self) -> bool:
        """Stop it and wait until it is gone; False when it does not run."""
        with self.locked():
            return self.halt()

    def reset(self) -> None:
        """Stop it and delete its data."""
        with self.locked():
            self.halt()
            for folder in (self.data, self.making, self.socket_directory):
                shutil.rmtree(folder, ignore_errors=True)
            self.log.unlink(missing_ok=True)

    def status(self) -> str:
        """How it is, in words."""
        if not (self.data / "PG_VERSION").exists():
            return f"There is no local PostgreSQL in {self.directory} yet; `python manage.py localdb start` makes it."
        version = (self.data / "PG_VERSION").read_text().strip()
        pid = self.pid()
        if pid is None:
            return f"The local PostgreSQL {version} in {self.directory} is stopped."
        return f"The local PostgreSQL {version} in {self.directory} is running as process {pid}."

    def is_running(self) -> bool:
        return self.pid() is not None

    def pid(self) -> int | None:
        """The server's process id, if that process lives and is this server: ids are used again."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None
        return pid if serves(pid, self.data) else None

    @property
    def making(self) -> Path:
        return self.data.with_name(f"{self.data.name}.new")

    def create(self) -> None:
        """Make the data folder with the database in it, under another name until it is whole."""
        shutil.rmtree(self.making, ignore_errors=True)
        self.data.parent.mkdir(parents=True, exist_ok=True)
        private_folder(self.making)
        programs = find_programs()
        options = ["--auth=trust", "--username=a2", "--encoding=UTF8", "--no-sync", "-D", str(self.making)]
        for locale in LOCALES:
            made = run([str(programs / "initdb"), f"--locale={locale}", *options])
            if made.returncode == 0:
                break
        else:
            raise LocalDatabaseError(f"PostgreSQL's initdb failed: {last_line(made.stderr)}")
        with (self.making / "postgresql.conf").open("a") as file:
            file.write("include 'a2.conf'\n")
        self.write_settings(self.making)
        single = [str(programs / "postgres"), "--single", "-D", str(self.making), "postgres"]
        created = run(single, input="CREATE DATABASE a2\n")
        if created.returncode:
            raise LocalDatabaseError(f"PostgreSQL cannot make its database: {last_line(created.stderr)}")
        self.making.rename(self.data)

    def write_settings(self, folder: Path | None = None) -> None:
        settings = {**SETTINGS, **({} if self.durable else NOT_DURABLE)}
        settings["unix_socket_directories"] = str(self.socket_directory)
        lines = [f"{name} = '{value.replace(chr(39), 2 * chr(39))}'\n" for name, value in settings.items()]
        path = (folder or self.data) / "a2.conf"
        path.write_text("".join(lines))
        give_away(path)

    def launch(self, programs: Path) -> None:
        """Run the server in a session of its own, out of reach of the terminal's Ctrl-C, until it answers."""
        self.clear_locks()
        self.log.write_text("")
        give_away(self.log)
        command = [str(programs / "pg_ctl"), "start", "--wait", "--timeout", str(SECONDS)]
        started = run([*command, "-D", str(self.data), "-l", str(self.log)])
        if started.returncode:
            said = last_line(self.log.read_text() or started.stderr)
            raise LocalDatabaseError(f"PostgreSQL does not start: {said} ({self.log} has the rest.)")

    def clear_locks(self) -> None:
        """Remove what a killed server left, once its last process is gone: until then it still writes."""
        deadline = time.monotonic() + SECONDS
        while lingering(self.data):
            if time.monotonic() > deadline:
                raise LocalDatabaseError(f"Processes of a killed PostgreSQL still use {self.data}. End them first.")
            time.sleep(0.05)
        for leftover in (self.data / "postmaster.pid", self.socket_directory / ".s.PGSQL.5432.lock"):
            leftover.unlink(missing_ok=True)

    def wait_until_ready(self) -> bool:
        """Whether the server that runs comes to answer: the last line of its pid file says so."""
        deadline = time.monotonic() + SECONDS
        while self.pid() is not None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if "ready" in (self.data / "postmaster.pid").read_text():
                    return True
            time.sleep(0.02)
        return False

    def halt(self) -> bool:
        pid = self.pid()
        if pid is None:
            return False
        for how, seconds in ((signal.SIGINT, 20), (signal.SIGQUIT, 20), (signal.SIGKILL, 5)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                if not serves(pid, self.data):
                    return True
                time.sleep(0.02)
        raise LocalDatabaseError(f"The local PostgreSQL, process {pid}, does not stop.")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One starter or stopper at a time."""
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        self.directory.mkdir(exist_ok=True, mode=0o700)
        with (self.directory / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def private_folder(path: Path) -> None:
    """Make a folder that only the server's user can enter; refuse one that somebody else put there."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    give_away(path)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner():
        raise LocalDatabaseError(f"{path} belongs to somebody else. Remove it, or set A2_LOCAL_DIR to another folder.")
    path.chmod(0o700)


def give_away(path: Path) -> None:
    if identity().user and path.lstat().st_uid == os.geteuid():
        os.chown(path, owner(), -1, follow_symlinks=False)


def serves(pid: int, data: Path) -> bool:
    """Whether this process lives and is a server of this data folder, which is its working directory."""
    process = Path(f"/proc/{pid}")
    try:
        os.kill(pid, 0)
        if not process.exists():
            said = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S607
            return str(data) in said.stdout
        is_zombie = (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        return not is_zombie and (process / "cwd").readlink() == data.resolve()
    except OSError:
        return False


def lingering(data: Path) -> bool:
    """Whether any process, such as a child of a killed server, still works in the data folder."""
    return any(serves(int(process.name), data) for process in Path("/proc").glob("[0-9]*"))
