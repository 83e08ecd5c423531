"""`manage.py create_client`: register a client and show its secret, once."""

import json
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from segments.exceptions import Fault, Invalid
from segments.models import Client
from segments.models.changes import Actor
from segments.shapes import HYPHENATED

ARGUMENTS = {"name": "NAME", "owners": "--owner", "scopes": "--scope"}


class Command(BaseCommand):
    requires_system_checks = []  # they import all views, which takes half a second
    help = (
        "Register a client of the API. Prints one JSON object: client_id, client_secret (kept as a checksum, so never "
        "shown again), scopes, and owners, which is empty for a platform client. Exits 2 when something is wrong."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="a name for people, unique among clients")
        parser.add_argument("--all-owners", action="store_true", help="a platform client, which acts for all owners")
        parser.add_argument("--owner", action="append", default=[], metavar="UUID", help="an owner it acts for; repeat")
        parser.add_argument("--scope", action="append", help="a scope it may have; repeat; without it, all it can have")

    def handle(self, *args: Any, **options: Any) -> None:
        owners = [owner_id(text) for text in options["owner"]]
        if options["all_owners"] == bool(owners):
            message = _("Add either --all-owners, or --owner UUID for each owner that the client acts for.")
            raise CommandError(message, returncode=2)
        try:
            client, secret = Client.objects.register(
                options["name"],
                owners=owners,
                all_owners=options["all_owners"],
                scopes=options["scope"],
                actor=Actor(command="create_client"),
            )
        except Invalid as error:
            raise CommandError("\n".join(map(sentence, error.faults)), returncode=2) from None
        document = {
            "client_id": client.client_id,
            "client_secret": secret,
            "scopes": client.allowed_scopes,
            "owners": [str(owner_id) for owner_id in dict.fromkeys(owners)],
        }
        self.stdout.write(json.dumps(document))


def sentence(fault: Fault) -> str:
    """What is wrong, behind the argument that it is about."""
    return f"{ARGUMENTS[fault.pointer.split('/')[1]]}: {_(fault.message) % fault.params}"


def owner_id(text: str) -> uuid.UUID:
    """The owner's id from the command line, in the form that the API reads."""
    if not HYPHENATED.fullmatch(text):
        example = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
        message = _("--owner %(text)s is not a UUID. Give one such as %(example)s.")
        raise CommandError(message % {"text": repr(text), "example": example}, returncode=2)
    return uuid.UUID(text)
