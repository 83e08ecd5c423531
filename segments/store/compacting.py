"""Compaction comes about by itself: who writes looks now and then whether it is due, and never waits for it."""

import logging
from threading import Lock, Thread

from django.db import DatabaseError, connection, transaction

from segments.store import upkeep
from segments.store.scanning import NotKept

# Beyond these, a count among a million audiences takes five times as long as without deltas, and a process that
# begins needs a second to read them.
MOST_DELTAS = 5_000
MOST_BYTES = 4_000_000
LOOK_EVERY = 100  # writes, and at each that leaves
LARGE = 50_000  # bytes

RUNNING = Lock()

log = logging.getLogger(__name__)


def look_after(seq: int, size: int) -> None:
    """When write `seq`, which left `size` bytes, is committed, see whether a compaction is due."""
    if seq % LOOK_EVERY == 0 or size >= LARGE:
        transaction.on_commit(compact_if_due, robust=True)


def compact_if_due() -> None:
    """Begin a compaction in a thread of its own; the process ends after it."""
    count, size = upkeep.waiting()
    if (count >= MOST_DELTAS or size >= MOST_BYTES) and RUNNING.acquire(blocking=False):
        Thread(target=compact, name="compaction").start()


def compact() -> None:
    try:
        upkeep.compact()
    except upkeep.Busy:
        pass  # whoever is at it has looked as well
    except (NotKept, DatabaseError) as error:
        log.warning("The deltas were not folded into the bitmaps: %s", str(error).strip())
    finally:
        connection.close()
        RUNNING.release()
