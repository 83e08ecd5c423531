"""Files that were sent: kept for the service alone to read, as long as somebody may need them, and no longer."""

import os
import re
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from segments.exceptions import NotKept
from segments.importing.rejects import report_path
from segments.importing.resuming import KEPT
from segments.importing.sources import CSV, JSON_LINES, unpacked
from segments.models import Import

SUFFIXES = {"text/csv": ".csv", "text/tab-separated-values": ".tsv", "application/x-ndjson": ".jsonl"}
OURS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.").match  # and nothing else that lies in the folder
YOUNG = 3600  # seconds, within which a file may belong to a request that is not over


def keep(chunks: Iterable[bytes], suffix: str) -> str:
    """Write the bytes to a file of their own; its name. Where that breaks off nothing is left.

    What a full disk has no room for is read all the same: who sends it listens for an answer only then.
    """
    with kept(suffix) as file:
        for chunk in chunks:
            file.write(chunk)
    if file.problem:
        raise NotKept(file.problem)
    return file.name


@contextmanager
def kept(suffix: str) -> Iterator["Sent"]:
    """A file to write to, which goes where that breaks off."""
    file = Sent(suffix)
    with unless_it_fails(file.name):
        try:
            yield file
        finally:
            file.close()


class Sent:
    """A file that is being sent; `problem` says why it cannot be kept, in which case nothing of it is left."""

    def __init__(self, suffix: str) -> None:
        self.name = f"{uuid.uuid4()}{suffix}"
        self.problem = ""
        self.file: BinaryIO | None = None
        with self.noted():
            settings.A2_IMPORT_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.file = os.fdopen(os.open(place(self.name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    def write(self, piece: bytes) -> None:
        with self.noted():
            if self.file:
                self.file.write(piece)

    def close(self) -> None:
        with self.noted():
            if self.file:
                self.file.close()

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Remember what the disk says, and give back what was taken of it."""
        try:
            yield
        except OSError as error:
            self.problem, file, self.file = error.strerror or str(error), self.file, None
            with suppress(OSError):
                if file:
                    file.close()  # what is buffered has no room either
            discard(self.name)


@contextmanager
def unless_it_fails(name: str) -> Iterator[None]:
    """Do what makes the file wait for the worker; where that fails the file goes."""
    try:
        yield
    except BaseException:
        discard(name)
        raise


def discard(name: str) -> None:
    """Remove a file and what was rejected of it."""
    for path in settings.A2_IMPORT_DIR.glob(f"{stem(name)}.*"):
        path.unlink(missing_ok=True)


def discard_source(name: str) -> None:
    """Remove a file; what was rejected of it stays."""
    place(name).unlink(missing_ok=True)


def discard_abandoned() -> None:
    """Remove what no import needs any more, and what was left by requests that were killed."""
    needed = Import.objects.exclude(upload="").filter(Q(finished_at=None) | Q(finished_at__gt=timezone.now() - KEPT))
    stems = {stem(name) for name in needed.values_list("upload", flat=True)}
    for path in settings.A2_IMPORT_DIR.glob("*.*"):
        if OURS(path.name) and stem(path.name) not in stems and time.time() - path.stat().st_mtime > YOUNG:
            path.unlink(missing_ok=True)


def is_kept(row: Import) -> bool:
    """Whether the file is there."""
    return bool(row.upload) and place(row.upload).is_file()


def is_anything_kept(row: Import) -> bool:
    """Whether the file is there, or what was rejected of it."""
    return bool(row.upload) and any(settings.A2_IMPORT_DIR.glob(f"{stem(row.upload)}.*"))


def rejected(row: Import) -> Path:
    """Where the lines are that were rejected of a file that was sent."""
    return place(f"{stem(row.upload)}.{row.pk}.rejects")


def lines(row: Import) -> tuple[Path, str]:
    """The same, and what that file is to be called elsewhere."""
    suffix = Path(unpacked(row.upload)).suffix
    kind = "jsonl" if suffix in JSON_LINES else "tsv" if suffix == ".tsv" else "csv"
    return rejected(row), f"{Path(unpacked(row.file)).stem}.rejects.{kind}"


def report(row: Import) -> tuple[Path, str]:
    """The report on them, and what to call it."""
    path, name = lines(row)
    return report_path(path), report_path(name).name


def suffix_of(name: str) -> str:
    """What the name of a file ends in, as it says how to read it; nothing where it does not say."""
    inner = unpacked(name)
    suffix = Path(inner).suffix.lower()
    packed = ".gz" if inner != name else ""
    return suffix + packed if suffix in (*CSV, *JSON_LINES) else ""


def stem(name: str) -> str:
    """What the names of a file and of what was rejected of it have in common."""
    return name.partition(".")[0]


def place(name: str) -> Path:
    path: Path = settings.A2_IMPORT_DIR / name
    return path
