"""What is used, and how often: counted in the process, written once a minute, never by the request that uses it.

The one mechanism for clients, look-ups and exports: `note` says that something was used, `used` what is known of it.
What a process has counted since it wrote last is lost when it is killed.
"""

import atexit
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from threading import Lock, Thread

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models import Max, Q, Sum
from django.utils import timezone

from segments.models import Tally

CLIENT, LOOKED_UP, EXPORTED = "client", "looked up", "exported"
EVERY = 60  # seconds
KEPT = timedelta(days=120)
TALLY = Tally._meta.db_table
# In order, so that no two processes wait for each other in a ring.
WRITE = f"""
    INSERT INTO {TALLY} (kind, object_id, day, times, last_at)
    SELECT kind, object_id, %s, times, %s
    FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS counted (kind, object_id, times) ORDER BY kind, object_id
    ON CONFLICT (kind, object_id, day) DO UPDATE
    SET times = {TALLY}.times + excluded.times, last_at = greatest({TALLY}.last_at, excluded.last_at)"""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Used:
    """How often something was used since a day, and when last, to the minute; None where it is longer ago than KEPT."""

    times: int = 0
    last_at: datetime | None = None


class Tallies:
    """What this process has counted and not yet written."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.counted: dict[str, Counter[Hashable]] = defaultdict(Counter)
        self.is_writing = False
        self.pruned: date | None = None

    def note(self, kind: str, keys: Iterable[Hashable]) -> None:
        with self.lock:
            self.counted[kind].update(keys)
            # A server writes by itself; a command, which ends soon, at its end.
            starts = not self.is_writing and settings.A2_PROCESS == "web"
            self.is_writing = self.is_writing or starts
        if starts:
            atexit.register(self.write_or_keep)
            Thread(target=self.go_on_writing, daemon=True, name="tallies").start()

    def write(self) -> None:
        """Write what was counted until now; when that fails it is kept for the next time."""
        with self.lock:
            taken, self.counted = self.counted, defaultdict(Counter)
        rows = [(kind, str(key), times) for kind, counter in taken.items() for key, times in counter.items()]
        now = timezone.now()
        try:
            with connection.cursor() as cursor:
                if rows:
                    cursor.execute(WRITE, [now.date(), now, *map(list, zip(*rows, strict=True))])
                if self.pruned != now.date():
                    Tally.objects.filter(day__lt=now.date() - KEPT).delete()
        except DatabaseError:
            with self.lock:
                for kind, counter in taken.items():
                    self.counted[kind].update(counter)
            raise
        self.pruned = now.date()

    def write_or_keep(self) -> None:
        try:
            self.write()
        except DatabaseError as error:
            log.warning("What was used could not be written, and is kept: %s", error)
        finally:
            connection.close()

    def go_on_writing(self) -> None:
        while True:
            time.sleep(EVERY)
            self.write_or_keep()


TALLIES = Tallies()


def note(kind: str, *keys: Hashable) -> None:
    """Say that these were used now, once for each time they stand there."""
    TALLIES.note(kind, keys)


def used(kind: str, keys: Iterable[Hashable], since: date) -> dict[str, Used]:
    """What is known of the use of each, by its text; `since` is where counting begins, whatever the last time was."""
    rows = Tally.objects.filter(kind=kind, object_id__in=[str(key) for key in keys]).values("object_id")
    counted = rows.annotate(last=Max("last_at"), sum=Sum("times", filter=Q(day__gte=since), default=0))
    known = {row["object_id"]: Used(row["sum"], row["last"]) for row in counted}
    return {str(key): known.get(str(key), Used()) for key in keys}
