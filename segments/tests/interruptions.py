"""Upkeep that is cut off in the middle."""

import pytest
from django.db import OperationalError, connection, transaction

from segments.store import upkeep
from segments.store.writing import lock_head
from segments.tests.threads import elsewhere


def compact_until_the_head_is_needed() -> None:
    """A compaction that has written its bitmaps and ends for want of the head, which a writer holds all the time."""

    def compact() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '1ms'")
        with pytest.raises(OperationalError, match="lock timeout"):
            upkeep.compact()

    with transaction.atomic():
        lock_head()
        elsewhere(compact)


def rebuild_for(steps: int) -> None:
    """A rebuild that nobody carries on after so many steps."""
    running = upkeep.rebuild()
    for _step, _done in zip(range(steps), running, strict=False):
        pass
    running.close()
