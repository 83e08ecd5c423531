"""`manage.py check_index`: compare the bitmaps, and the ids in order, with the rows."""

from argparse import ArgumentTypeError
from itertools import chain
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from segments.management.upkeep import refusals
from segments.store import editing, upkeep


class Command(BaseCommand):
    requires_system_checks = []  # they import all views, which takes half a second
    help = (
        "Compare every bitmap, with the deltas since, with the rows of the same moment, each audience's value ids with "
        "its properties, and the ids in order with the rows. Prints each difference. Exits 1 when there is one, 2 when "
        "there is no database."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--sample", type=audiences, metavar="N", help="check the value ids of N audiences alone")

    def handle(self, *args: Any, sample: int | None, **options: Any) -> None:
        found = 0
        with refusals():
            for difference in chain(upkeep.differences(sample), editing.differences()):
                found += 1
                self.stdout.write(difference)
            extent = upkeep.extent()
        if found:
            message = ngettext("%d difference. %s", "%d differences. %s", found)
            raise CommandError(message % (found, _("Type: manage.py rebuild_index")), returncode=1)
        checked = _("all of them") if sample is None else _("%s of them") % f"{sample:,}"
        self.stdout.write(
            _("Bitmaps and rows agree: %(extent)s; value ids of %(checked)s.") % {"extent": extent, "checked": checked}
        )


def audiences(text: str) -> int:
    """How many audiences, one or more."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ArgumentTypeError(_("%s is not a number of audiences. Give 1 or more.") % repr(text))
    return int(text)
