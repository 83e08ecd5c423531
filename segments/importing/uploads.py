"""Files that were sent: kept, for the service alone to read, until the worker has loaded them, and no longer."""

import os
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from segments.exceptions import ImportRefused, NotKept, SegmentsError
from segments.importing.asking import options_of
from segments.importing.attributes import Attributes
from segments.importing.audiences import Audiences
from segments.importing.kinds import Kind
from segments.importing.receipt import Receipt
from segments.importing.run import ImportRun
from segments.importing.segments import Segments
from segments.models import Import
from segments.models.changes import Actor

KINDS: Mapping[str, type[Kind]] = {kind.name: kind for kind in (Attributes, Audiences, Segments)}
SUFFIXES = {"text/csv": ".csv", "text/tab-separated-values": ".tsv", "application/x-ndjson": ".jsonl"}
SAID_EVERY = 1.0  # seconds
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


def discard_abandoned(waiting: Collection[str]) -> None:
    """Remove files that no job waits for, as of requests that were killed."""
    needed = {stem(name) for name in waiting}
    for path in settings.A2_IMPORT_DIR.glob("*.*"):
        if stem(path.name) not in needed and time.time() - path.stat().st_mtime > YOUNG:
            discard(path.name)


def stem(name: str) -> str:
    """What the names of a file and of what was rejected of it have in common."""
    return name.partition(".")[0]


def place(name: str) -> Path:
    path: Path = settings.A2_IMPORT_DIR / name
    return path


def load(row: Import, name: str, actor: Actor) -> None:
    """Do the import of a file that was sent; its row says how it ended. Begun again it converges."""
    if not row.is_over:
        begin(row, name)
        try:
            run_of(row, name, actor).run()
        except (ImportRefused, DatabaseError, OSError, SegmentsError):
            if not row.is_over:
                raise  # the row could not be written: whoever retries the job begins anew
    told(row, name)
    discard(name)


def begin(row: Import, name: str) -> None:
    """It is at work when its turn comes; until it is over its row says that the file is kept."""
    row.upload, row.progress = name, None
    if row.staged is not None:
        return  # to be gone on with
    row.started_at = timezone.now()
    for count, zero in Receipt().as_json().items():
        setattr(row, count, zero)


def run_of(row: Import, name: str, actor: Actor) -> ImportRun:
    """The run whose account is kept in this row."""
    rejects = str(place(f"{stem(name)}.rejects"))
    asked = {**row.options, **({"owner": row.owner_id} if row.owner_id else {})}
    options = options_of(row.kind, asked, dry_run=row.dry_run, rejects=rejects)
    run = ImportRun(KINDS[row.kind], str(place(name)), options, actor, Kept(row))
    run.row, run.waits = row, True
    return run


def told(row: Import, name: str) -> None:
    """Name the file as its sender did; where it was kept is nobody's business, and nothing is there any more."""
    row.reason = row.reason.replace(str(place(name)), row.file)
    row.rejects_file, row.progress, row.upload, row.staged = "", None, "", None
    row.save(update_fields=["reason", "rejects_file", "progress", "upload", "staged"])


class Kept:
    """Progress that is written to the import's row, about once a second."""

    def __init__(self, row: Import) -> None:
        self.row = row
        self.phase, self.said = "", 0.0
        self.total: int | None = None

    def begin(self, phase: str, total: int | None) -> None:
        self.phase, self.total = phase, total
        self.say(0, 0)

    def advance(self, rows: int, done: int | None) -> None:
        if time.monotonic() - self.said >= SAID_EVERY:
            self.say(rows, done)

    def say(self, rows: int, done: int | None) -> None:
        self.said = time.monotonic()
        self.row.progress = {"phase": self.phase, "rows": rows, "done": done, "total": self.total}
        Import.objects.filter(pk=self.row.pk).update(progress=self.row.progress)
