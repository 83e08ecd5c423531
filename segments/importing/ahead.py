"""Work for the next items while the one at hand is written, in threads with connections of their own."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

THREADS = 2

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(work: Callable[[Item], Result], items: Iterable[Item]) -> Generator[tuple[Item, Result], None, None]:
    """Each item with what the work makes of it, in their order.

    Inside a transaction, which other connections do not see, it is done when the item is asked for.
    """
    if connection.in_atomic_block:
        yield from ((item, work(item)) for item in items)
        return
    with threads() as pool:
        begun: deque[tuple[Item, Future[Result]]] = deque()
        for item in items:
            begun.append((item, pool.submit(work, item)))
            if len(begun) > THREADS:
                first, done = begun.popleft()
                yield first, done.result()
        for item, done in begun:
            yield item, done.result()


def made_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The items, of which a thread makes the next ones, one after the other.

    Inside a transaction each is made when it is asked for.
    """
    if connection.in_atomic_block:
        yield from items
        return
    with threads(1) as pool:
        begun = deque(pool.submit(next, items, None) for _each in range(THREADS))
        while (item := begun.popleft().result()) is not None:
            begun.append(pool.submit(next, items, None))
            yield item


@contextmanager
def threads(most: int = THREADS) -> Iterator[ThreadPoolExecutor]:
    """Threads whose connections are closed at the end."""
    opened: list[BaseDatabaseWrapper] = []

    def begin() -> None:
        own = connections[DEFAULT_DB_ALIAS]
        own.inc_thread_sharing()
        opened.append(own)

    with ThreadPoolExecutor(most, "look", begin) as pool:
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)
            for each in opened:
                each.close()
