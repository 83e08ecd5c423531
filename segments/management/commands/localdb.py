"""manage.py localdb: the local PostgreSQL of this checkout."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.utils.translation import gettext as _

from a2service.localdb import LocalDatabase, LocalDatabaseError


class Command(BaseCommand):
    help = "Starts, stops and describes the local PostgreSQL, which is used while DATABASE_URL is not set."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=["start", "stop", "status", "url", "reset"])
        parser.add_argument("--yes", action="store_true", help=_("With reset: do not ask."))

    def handle(self, *args: Any, action: str, yes: bool, **options: Any) -> None:
        if os.environ.get("DATABASE_URL"):
            raise CommandError(
                _("DATABASE_URL names a database of your own; unset it to use the local one."), returncode=2
            )
        database = LocalDatabase(settings.A2_LOCAL_DIR / "postgres")
        if action == "reset" and not (yes or confirmed(database)):
            raise CommandError(_("Nothing was deleted. Add --yes to delete without being asked."), returncode=2)
        try:
            self.stdout.write(ACTIONS[action](database))
        except LocalDatabaseError as error:
            raise CommandError(str(error), returncode=2) from None


def confirmed(database: LocalDatabase) -> bool:
    """Ask on a terminal; without one the answer is no."""
    question = _("Delete the local database in %(directory)s with all its data? Type yes: ")
    return sys.stdin.isatty() and input(question % {"directory": database.directory}) == "yes"


def start(database: LocalDatabase) -> str:
    return _("Started.") if database.start() else _("It runs already.")


def stop(database: LocalDatabase) -> str:
    return _("Stopped.") if database.stop() else _("It does not run.")


def reset(database: LocalDatabase) -> str:
    database.reset()
    return _("Deleted. The next start makes a new one.")


def url(database: LocalDatabase) -> str:
    return database.url


ACTIONS: dict[str, Callable[[LocalDatabase], str]] = {
    "start": start,
    "stop": stop,
    "reset": reset,
    "status": LocalDatabase.status,
    "url": url,
}
