"""`manage.py issue_token`: an access token without asking for it over HTTP."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from segments.models import Client


class Command(BaseCommand):
    help = "Print a new access token with all the client's scopes, good for an hour. Exits 2 without such a client."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="client_name", help="the name that the client was registered under")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        client = Client.objects.filter(name=name).first() if "\0" not in name else None
        if client is None:
            message = _("No client is called %(name)s. Register it with create_client.")
            raise CommandError(message % {"name": repr(name)}, returncode=2)
        if not client.is_active:
            message = _("The client %(name)s is switched off. Switch it on in the admin.")
            raise CommandError(message % {"name": repr(name)}, returncode=2)
        self.stdout.write(client.issue_token())
