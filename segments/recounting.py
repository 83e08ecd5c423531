"""Keeping stored sizes true: noticing that audiences or the catalogue changed, and counting all segments anew.

Writers do nothing for it. What the last recount has seen is remembered, so that to ask whether there is more
costs two small queries, and whatever wrote, also a process that died right after, is followed by a recount.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

from django.db import DatabaseError, connection
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from procrastinate.contrib.django.models import ProcrastinateWorker

from segments.models import AudienceSegment, Change, Recount
from segments.models.changes import CATALOGUE
from segments.sizing import recount
from segments.store import store
from segments.store.database import LAST_SEEN
from segments.totals import keep_total

LOCK = 0xA2512E  # the key of the advisory lock of whoever recounts
QUIET = timedelta(seconds=1)  # after a write; then the writes are taken to be over
SUSTAINED = timedelta(seconds=30)  # between two recounts while they are not
REST = 3  # times as long as it took, between two recounts, so that it takes a quarter of a processor at the most
DATED = timedelta(minutes=10)  # a size that stays the same is written no more often, for the sake of its date
SILENT = timedelta(seconds=30)  # a worker that was not heard of for so long is gone
CHANGE = Change._meta.db_table

SEEN_NOW = f"""
    SELECT oldest::text::bigint, ARRAY(
        SELECT id FROM {CHANGE} WHERE kind = ANY(%s) AND xid >= oldest AND xid <= {LAST_SEEN}
    )
    FROM pg_snapshot_xmin(pg_current_snapshot()) AS oldest"""

# Transactions are numbered anew in a database that was restored elsewhere.
SEEN_LESS = f"""
    SELECT %(since)s > pg_snapshot_xmin(pg_current_snapshot())::text::bigint OR EXISTS (
        SELECT FROM {CHANGE} WHERE kind = ANY(%(kinds)s)
            AND xid >= %(since)s::text::xid8 AND xid <= {LAST_SEEN} AND id <> ALL(%(seen)s::bigint[])
    )"""


@dataclass(frozen=True)
class Seen:
    """What sizes depend on, as far as it was committed at one moment; `Recount` says what the fields are."""

    writes: int
    since: int
    seen: list[int]


def seen_now() -> Seen:
    writes = store().written().writes
    with connection.cursor() as cursor:
        cursor.execute(SEEN_NOW, [list(CATALOGUE)])
        since, seen = cursor.fetchone()
    return Seen(writes, since, seen)


def last_recount() -> Recount:
    return Recount.objects.first() or Recount()


def is_behind(last: Recount) -> bool:
    """Whether anything was written that sizes depend on since that recount began."""
    if last.writes != store().written().writes:
        return True
    with connection.cursor() as cursor:
        cursor.execute(SEEN_LESS, {"since": last.since, "seen": last.seen, "kinds": list(CATALOGUE)})
        return bool(cursor.fetchone()[0])


def is_early(last: Recount) -> bool:
    """Whether it is better to wait with the next one, for the writes to be over and for others to have their turn."""
    if last.began_at is None or last.ended_at is None:
        return False
    pause = REST * (last.ended_at - last.began_at)
    if store().written().ago < QUIET:
        pause = max(pause, SUSTAINED)
    return timezone.now() < last.ended_at + pause


def recount_if_behind() -> None:
    """Recount all segments where something changed, unless it is early yet or somebody is at it."""
    with alone() as free:
        last = last_recount()
        if free and is_behind(last) and not is_early(last):
            recount_all(DATED)


def recount_all(lasting: timedelta = timedelta(0)) -> None:
    """Recount all segments as `recount` does, and remember what they were counted from, or why they could not be."""
    began, seen = timezone.now(), seen_now()
    try:
        recount(AudienceSegment.objects.all(), lasting)
    except DatabaseError as error:
        with suppress(DatabaseError):
            keep(failed_at=timezone.now(), failure=str(error).strip())
        raise
    keep(**vars(seen), began_at=began, ended_at=timezone.now(), failed_at=None, failure="")
    keep_total()


def keep(**fields: object) -> None:
    Recount.objects.update_or_create(id=1, defaults=fields)


@contextmanager
def alone() -> Iterator[bool]:
    """Whether nobody else recounts; until the end nobody else does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        free = bool(cursor.fetchone()[0])
    try:
        yield free
    finally:
        if free:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def trouble() -> str | None:
    """Why stored sizes may be old, a sentence for staff; None where they are not, or are about to be counted."""
    last = last_recount()
    if last.failure and last.failed_at:
        when = date_format(timezone.localtime(last.failed_at), "DATETIME_FORMAT")
        told = _("Sizes could not be recounted (%(when)s: %(reason)s); the last that were counted are shown.")
        return told % {"when": when, "reason": last.failure.splitlines()[0]}
    if is_behind(last) and not worker_runs():
        return _("Audiences changed, and no worker runs to recount sizes. Start one: python manage.py worker")
    return None


def worker_runs() -> bool:
    """Whether a worker was heard of lately."""
    return ProcrastinateWorker.objects.filter(last_heartbeat__gt=timezone.now() - SILENT).exists()
