"""`manage.py issue_token`: an access token without asking for it over HTTP."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from segments.border import unsafe
from segments.models import Client


class Command(BaseCommand):
    requires_system_checks = []  # they import all views, which takes half a second
    help = "Print a new access token with all the client's scopes, good for an hour. Exits 2 without such a client."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="client_name", help="the name that the client was registered under")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        client = Client.objects.filter(name=name).first() if unsafe(name) is None else None
        if client is None:
            message = _(
                "No client is called %(name)s. Check the name, or register it: "
                "python manage.py create_client NAME, with --all-owners or --owner UUID."
            )
            raise CommandError(message % {"name": repr(name)}, returncode=2)
        if not client.is_active:
            message = _("The client %(name)s is switched off, so it gets no token. Switch it on under /admin/.")
            raise CommandError(message % {"name": repr(name)}, returncode=2)
        self.stdout.write(client.issue_token())
