"""`manage.py stop`: end what `manage.py run` started, also when that was killed."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.utils.translation import gettext as _

from a2service import launcher
from a2service.localdb import LocalDatabase, LocalDatabaseError


class Command(BaseCommand):
    help = (
        "Stop the server and the local PostgreSQL of this folder; with --delete, delete its data and credentials too."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--delete", action="store_true", help=_("Delete the local database and the credentials."))
        parser.add_argument("--yes", action="store_true", help=_("With --delete: do not ask."))

    def handle(self, *args: Any, delete: bool, yes: bool, **options: Any) -> None:
        database = LocalDatabase(settings.A2_LOCAL_DIR / "postgres")
        if delete and not (yes or confirmed(database)):
            raise CommandError(
                _("Nothing was deleted; to do it without being asked, type: make reset YES=1"), returncode=2
            )
        served = launcher.stop(settings.A2_LOCAL_DIR)
        try:
            stored = database.stop()
            if delete:
                database.reset()
        except LocalDatabaseError as error:
            raise CommandError(str(error), returncode=2) from None
        self.stdout.write(_("Stopped.") if served or stored else _("Nothing was running."))
        if delete:
            (settings.A2_LOCAL_DIR / "credentials").unlink(missing_ok=True)
            self.stdout.write(_("Deleted the local database and the credentials; make run begins anew."))


def confirmed(database: LocalDatabase) -> bool:
    """Ask on a terminal; without one the answer is no."""
    question = _("Delete the local database in %(directory)s with all its data? Type yes: ")
    return sys.stdin.isatty() and input(question % {"directory": database.directory}) == "yes"
