"""`manage.py worker`: run background jobs in the foreground."""

import asyncio
import contextlib
import logging
import os
import signal
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import ConnectorException
from procrastinate.psycopg_connector import PsycopgConnector
from psycopg_pool import PoolTimeout

from segments.management.priority import let_requests_go_first

JOBS_AT_ONCE = 2  # a long one, and the short ones beside it
PAUSE = 2.0  # seconds, before the database is tried again

log = logging.getLogger(__name__)


class Command(BaseCommand):
    requires_system_checks = []  # they import all views, which takes half a second
    help = (
        "Run background jobs, such as counting sizes anew soon after audiences changed, until it is stopped: what is "
        "under way then is finished first, but for an import, which the next worker goes on with. A job whose worker "
        "was killed is begun again by any other."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--pid", metavar="FILE", type=Path, help="where its process number stands while it runs")

    def handle(self, *args: Any, pid: Path | None, **options: Any) -> None:
        say_outages_once()
        let_requests_go_first()
        with numbered(pid) if pid else contextlib.nullcontext():
            asyncio.run(work())


def say_outages_once() -> None:
    """Leave it to `work` to say, in a line, that the database cannot be reached."""
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    for handler in logging.getLogger().handlers:
        handler.addFilter(is_no_outage)


def is_no_outage(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], ConnectorException))


@contextlib.contextmanager
def numbered(file: Path) -> Iterator[None]:
    """The number of this process in a file, while it runs."""
    file.write_text(f"{os.getpid()}\n")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


async def work() -> None:
    """Run jobs until a signal says to stop; while the database is away, wait for it."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    stopping = asyncio.create_task(stopped.wait())
    while not stopped.is_set():
        working = asyncio.create_task(run_jobs())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        working.cancel()  # it finishes what is under way
        try:
            await working
        except asyncio.CancelledError:
            continue
        except (ConnectorException, PoolTimeout) as error:
            reason = str(error.__cause__ or error).strip().splitlines()[0]
            log.warning(_("The database cannot be used, and is tried again: %s"), reason)
        await asyncio.wait({stopping}, timeout=PAUSE)


async def run_jobs() -> None:
    """Run jobs until the database goes away."""
    connector = PsycopgConnector(kwargs=connector_params(), min_size=1, max_size=4, timeout=5)
    with app.replace_connector(connector):
        async with app.open_async():
            await app.run_worker_async(
                concurrency=JOBS_AT_ONCE,
                delete_jobs="successful",
                install_signal_handlers=False,
                shutdown_graceful_timeout=0,  # who can hand back what it is at does so at once; others are waited for
            )
