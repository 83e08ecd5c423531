"""Others who write and read at the same time, in threads with connections of their own."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any

from django.db import connection

from segments.importing import alone

PATIENCE = 30  # seconds
WAITING = """
    SELECT count(*) FROM pg_locks AS waited JOIN pg_locks AS held USING (pid)
    WHERE NOT waited.granted AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


def on_its_own_connection(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    finally:
        connection.close()


def elsewhere(function: Callable[..., Any], *arguments: Any) -> Any:
    """What the function answers in another thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(on_its_own_connection, function, *arguments).result(PATIENCE)


def together(functions: Sequence[Callable[[], Any]]) -> list[Any]:
    """What these functions answer, all started at the same moment."""
    start = Barrier(len(functions))

    def run(function: Callable[[], Any]) -> Any:
        start.wait(PATIENCE)
        return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        futures = [pool.submit(on_its_own_connection, run, function) for function in functions]
        return [future.result(PATIENCE) for future in futures]


@contextmanager
def elsewhere_an_import_is_at_work() -> Iterator[None]:
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [alone.LOCK])
        yield
    other.close()


def until_somebody_waits() -> None:
    """Return as soon as a session of this database waits for a lock."""
    deadline = time.monotonic() + PATIENCE
    with connection.cursor() as cursor:
        while not cursor.execute(WAITING).fetchone()[0]:
            assert time.monotonic() < deadline
            time.sleep(0.005)
