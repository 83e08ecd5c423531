"""`manage.py export_segment`: a segment's members on standard output."""

import io
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

from segments.exporting import FORMATS, export
from segments.management.endings import reader_may_leave
from segments.models import AudienceSegment
from segments.shapes import GREATEST_SIZE, HYPHENATED

CUT_SHORT = 1


class Command(BaseCommand):
    requires_system_checks = []  # they import all views, which takes longer than a million ids
    help = (
        "Write the ids of a segment's members to standard output, all as of one moment: CSV with the header id, or one "
        "JSON string a line; UTF-8, lines end with LF. Exits 2 without such a segment, 1 when the output is cut short."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("segment", metavar="ID|NO", help="the segment's id or its no")
        parser.add_argument("--format", choices=sorted(FORMATS), default="csv", help="csv unless given")

    def handle(self, *args: Any, **options: Any) -> None:
        segment = find(options["segment"])
        if segment is None:
            message = _("No segment has the id or the no %(given)s. GET /audiences/segments lists what there is.")
            raise CommandError(message % {"given": repr(options["segment"])}, returncode=2)
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8", newline="\n")
        try:
            with reader_may_leave(self.stdout, CUT_SHORT):
                for piece in export(segment, FORMATS[options["format"]]):
                    self.stdout.write(piece.decode(), ending="")
        except (OperationalError, InterfaceError):
            message = _("The database went away. What was written is not the whole segment; run the command again.")
            raise CommandError(message, returncode=CUT_SHORT) from None


def find(text: str) -> AudienceSegment | None:
    """The segment with this id or no."""
    if HYPHENATED.fullmatch(text):
        return AudienceSegment.objects.filter(pk=text).first()
    if text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= GREATEST_SIZE:
        return AudienceSegment.objects.filter(no=int(text)).first()
    return None
