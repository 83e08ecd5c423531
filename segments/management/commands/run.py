"""`manage.py run`: the whole service in the foreground, with a demo account to try it on."""

import contextlib
import io
import os
import sys
from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import BaseCommand, CommandError, call_command
from django.db import connections
from django.db.utils import OperationalError
from django.utils.translation import gettext as _

from a2service import launcher
from a2service.address import Address, PortBusy
from a2service.banner import Access, banner
from a2service.launcher import Interruption, LaunchError, Server, Worker
from a2service.localdb import LocalDatabase, LocalDatabaseError
from a2service.steps import say, step
from segments.demo import account, credentials
from segments.models import AudienceHead


class Command(BaseCommand):
    help = (
        "Start the database, migrate it, make a demo account and serve it all on PORT (8000) until Ctrl-C. "
        "Exits 2 when that cannot be; in production, start gunicorn instead."
    )
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        interruption = Interruption()
        interruption.listen()
        try:
            code = run(interruption)
        except KeyboardInterrupt:
            code = 0
        except OperationalError as error:
            reason = str(error).strip().splitlines()[0]
            self.refuse(_("The database cannot be used: %s. Start it, or correct DATABASE_URL.") % reason)
        except (LaunchError, LocalDatabaseError, PortBusy, ImproperlyConfigured) as error:
            self.refuse(str(error))
        if code:
            raise CommandError(_("The server ended by itself, with exit code %d.") % code)
        self.stdout.write(_("\nStopped."))

    def refuse(self, sentence: str) -> NoReturn:
        self.stderr.write(sentence)
        sys.exit(2)


def run(interruption: Interruption) -> int:
    """Everything from the database to the banner; then wait, and answer the server's exit code."""
    if settings.A2_PRODUCTION:
        raise LaunchError(
            _("A2_PRODUCTION is on, and this is for trying out; type: python manage.py migrate; gunicorn")
        )
    address = Address.from_environment()
    with contextlib.ExitStack() as running:
        running.enter_context(launcher.only_one(settings.A2_LOCAL_DIR))
        address.require_free()
        if not has_own_database():
            database = LocalDatabase(settings.A2_LOCAL_DIR / "postgres")
            running.enter_context(launcher.local_database(database, interruption))
        access = prepare()
        server = running.enter_context(launcher.serving(Server(address, settings.A2_LOCAL_DIR), interruption))
        worker = running.enter_context(launcher.working(Worker(settings.A2_LOCAL_DIR), interruption))
        say(banner(settings.A2_VERSION, address, access))
        return launcher.wait(server, worker, interruption)


def has_own_database() -> bool:
    return bool(os.environ.get("DATABASE_URL"))


def prepare() -> Access:
    """Bring the database to where the server can start; who can come in."""
    with step(_("Applying migrations")):
        call_command("migrate", verbosity=0)
    if AudienceHead.objects.filter(epoch=None).exists():
        with step(_("Making bitmaps of the audiences")):
            call_command("rebuild_index", stdout=io.StringIO())
    path = settings.A2_LOCAL_DIR / "credentials"
    with step(_("Making the demo account")) as current:
        made, current.note = account.ensure(foreign=has_own_database())
        # A database of somebody's own keeps its users and clients as they are.
        mine = made or not has_own_database()
        who = credentials.ensure(path) if mine else credentials.known(path)
        computed = account.COMPUTED if account.is_there() else None
    connections.close_all()
    elsewhere = has_own_database() or bool(os.environ.get("A2_LOCAL_DIR"))
    roles = tuple(credentials.IN_ROLES) if mine else ()
    return Access(who.staff, who.password, who.client, roles, elsewhere, computed)
