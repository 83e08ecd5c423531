"""Others who write and read at the same time, in threads with connections of their own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection

PATIENCE = 30  # seconds


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
