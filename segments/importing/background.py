"""Imports of files that were sent: the worker does them, and their rows say how far they are and how they ended."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from django.db import DatabaseError
from django.utils import timezone

from segments.exceptions import ImportRefused, SegmentsError, gettext_noop
from segments.importing import uploads
from segments.importing.alone import Over
from segments.importing.asking import options_of
from segments.importing.attributes import Attributes
from segments.importing.audiences import Audiences
from segments.importing.kinds import Kind
from segments.importing.options import Options
from segments.importing.progress import HandedBack
from segments.importing.receipt import Receipt
from segments.importing.run import ImportRun
from segments.importing.segments import Segments
from segments.importing.taxonomy import Taxonomy
from segments.models import Import
from segments.models.changes import Actor

KINDS: Mapping[str, type[Kind]] = {kind.name: kind for kind in (Attributes, Audiences, Segments, Taxonomy)}
SAID_EVERY = 1.0  # seconds


ENDED = (Import.State.DONE, Import.State.REFUSED)
STOPPED = gettext_noop("Stopped by %(who)s.")


class Stopped(KeyboardInterrupt):
    """Somebody asked for it: the import ends as by Ctrl-C, after what it is just writing."""


def load(row: Import, actor: Actor, ends: Callable[[], bool]) -> None:
    """Do the import of a file that was sent; its row says how it ended. Begun again it goes on.

    HandedBack soon after `ends` says that the worker is to end; another one goes on with it.
    """
    if row.is_over:
        return
    begin(row)
    try:
        run_of(row, actor, ends).run()
    except Over:
        return
    except HandedBack:
        Import.objects.filter(pk=row.pk).update(state=Import.State.QUEUED)
        raise
    except (ImportRefused, DatabaseError, OSError, SegmentsError, Stopped) as error:
        if not row.is_over:  # the row could not be written: whoever retries the job begins anew
            raise InterruptedError(str(error)) from error  # and never a KeyboardInterrupt, which would end the worker
    told(row)
    if not may_be_needed(row, actor):
        uploads.discard_source(row.upload)


def may_be_needed(row: Import, actor: Actor) -> bool:
    """Whether staff may want the file yet: to import what they tried, or to go on with what did not come to its end."""
    is_tried = row.dry_run and actor.staff is not None and row.state == Import.State.DONE
    return is_tried or row.state not in ENDED


def begin(row: Import) -> None:
    """It is at work when its turn comes."""
    row.progress = None
    if row.staged is not None:
        return  # to be gone on with
    row.started_at, row.idle = timezone.now(), timedelta(0)
    for count, zero in Receipt().as_json().items():
        setattr(row, count, zero)


def stop(row: Import, who: str, *, at_work: bool) -> None:
    """Have it end: a worker that is at it does so within about a second. Call it with the row locked."""
    row.stopped_by = who
    row.save(update_fields=["stopped_by"])
    if not at_work:
        row.end(Import.State.PAUSED if row.staged is not None else Import.State.STOPPED, reason_of(who))


def reason_of(who: str) -> str:
    return STOPPED % {"who": who}


def go_on(row: Import) -> None:
    """Let it wait for its turn once more; what was applied stays so. Call it with the row locked."""
    row.begin_again(Import.State.QUEUED)
    row.stopped_by = ""
    row.save(update_fields=["state", "reason", "finished_at", "idle", "stopped_by"])


def options_for(row: Import, *, dry_run: bool) -> Options:
    """What was asked, for doing it or for trying it."""
    asked = {**row.options, **({"owner": row.owner_id} if row.owner_id else {})}
    return options_of(row.kind, asked, dry_run=dry_run, rejects=str(uploads.rejected(row)))


def run_of(row: Import, actor: Actor, ends: Callable[[], bool]) -> ImportRun:
    """The run whose account is kept in this row."""
    options = replace(options_for(row, dry_run=row.dry_run), restart=True)  # with a command's it never goes on
    progress = Kept(row, ends)
    run = ImportRun(KINDS[row.kind], str(uploads.place(row.upload)), options, actor, progress)
    run.row, run.waits = row, progress.heed
    return run


def told(row: Import) -> None:
    """Name the file as its sender did; where it was kept is nobody's business."""
    row.reason = row.reason.replace(str(uploads.place(row.upload)), row.file)
    row.rejects_file, row.progress = "", None
    row.save(update_fields=["reason", "rejects_file", "progress"])


class Kept:
    """Progress that is written to the import's row, about once a second; that it is to stop is read from there."""

    def __init__(self, row: Import, ends: Callable[[], bool]) -> None:
        self.row, self.ends = row, ends
        self.phase = ""
        self.began = self.said = 0.0
        self.total: int | None = None

    def begin(self, phase: str, total: int | None) -> None:
        self.phase, self.total, self.began = phase, total, time.monotonic()
        self.say(0, 0)

    def advance(self, rows: int, done: int | None) -> None:
        if self.ends() or time.monotonic() - self.said >= SAID_EVERY:
            self.say(rows, done)

    def say(self, rows: int, done: int | None) -> None:
        self.heed()
        seconds = round(time.monotonic() - self.began, 1)
        self.row.progress = {"phase": self.phase, "rows": rows, "done": done, "total": self.total, "seconds": seconds}
        Import.objects.filter(pk=self.row.pk).update(progress=self.row.progress)

    def heed(self) -> None:
        """Stopped when somebody has asked for that, HandedBack when the worker ends."""
        if self.ends():
            raise HandedBack
        self.said = time.monotonic()
        who = Import.objects.values_list("stopped_by", flat=True).get(pk=self.row.pk)
        if who:
            raise Stopped(reason_of(who))
