"""One import at a time, and nothing left of those that were killed."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext

from segments.exceptions import ImportRefused, gettext_noop
from segments.models import Import
from segments.store.database import execute, fetch_one

LOCK = 0xA2_109A  # the key of the advisory lock of the connection that imports
PATIENCE = 3.0  # seconds, within which PostgreSQL notices that a process was killed
PAUSE = 0.1

BUSY = gettext_noop("Another import is at work: %(file)s, since %(since)s, by %(actor)s. Wait until it is done.")
BUSY_UNTOLD = gettext_noop("Another import is at work. Wait until it is done.")
CUT_OFF = gettext_noop("Its process ended without a word. The same command goes on with it.")


class Over(Exception):
    """There is nothing left to do for an import."""


@contextmanager
def alone(row: Import, *, waits: Callable[[], None] | None) -> Iterator[None]:
    """Be the only import; ImportRefused when another one is at work, unless this one waits for its end."""
    until = time.monotonic() + PATIENCE
    while not fetch_one("SELECT pg_try_advisory_lock(%s)", [LOCK])[0]:
        if waits:
            waits()
        elif time.monotonic() > until:
            raise refusal(row)
        time.sleep(PAUSE)
    try:
        take(row)
        yield
    finally:
        if connection.is_usable():
            execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def refusal(row: Import) -> ImportRefused:
    """Says whose import is at work."""
    other = Import.objects.filter(state=Import.State.RUNNING).exclude(pk=row.pk).first()
    if other is None:
        return ImportRefused(BUSY_UNTOLD)
    since = date_format(timezone.localtime(other.started_at), "DATETIME_FORMAT")
    return ImportRefused(BUSY, file=other.file, since=since, actor=other.actor)


def take(row: Import) -> None:
    """End the rows of commands that were killed: nobody else is at work. A job that was is begun again by its queue.

    Over when this one has ended meanwhile: by another worker, which was not heard of and so given up.
    """
    if row.upload:
        row.refresh_from_db(fields=["state", "reason", "finished_at"])
        if row.is_over:
            raise Over
    for killed in Import.objects.filter(state=Import.State.RUNNING, upload="").exclude(pk=row.pk):
        killed.end(Import.State.FAILED, gettext(CUT_OFF))
    row.state = Import.State.RUNNING
    # It may have been taken for one of them while it waited.
    row.save(update_fields=["state", "reason", "started_at", "finished_at", "idle", "progress"])
