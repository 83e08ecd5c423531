"""`manage.py compare_segments`: a file of segments against those that are here."""

import dataclasses
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser

from segments.exceptions import ImportRefused
from segments.importing.comparing import Comparison
from segments.importing.options import Columns, Options, read_delimiter, read_owner
from segments.importing.rejects import printable, sentence
from segments.management.imports import REFUSED


class Command(BaseCommand):
    help = (
        "Compare a file of segments, as import_segments takes it, with the segments that are here. Prints a JSON line "
        "for each field that differs, then one that counts. Exits 0 when nothing differs, 1 when something does, "
        "2 when the file cannot be read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="CSV or JSON Lines, packed if it ends in .gz; - is standard input")
        parser.add_argument("--delimiter", metavar="CHARACTER", help=r"between the cells of CSV; \t is a tab")
        parser.add_argument("--owner", metavar="UUID", help="the owner of lines that name none")

    def handle(self, *args: Any, **options: Any) -> None:
        comparison = Comparison()
        try:
            for difference in comparison.run(options["file"], self.read(options)):
                self.stdout.write(orjson.dumps(dataclasses.asdict(difference)).decode())
        except ImportRefused as refusal:
            raise CommandError(printable(sentence(refusal.fault)), returncode=REFUSED) from None
        self.stdout.write(orjson.dumps({**vars(comparison), "fields": dict(comparison.fields)}).decode())
        if comparison.same < comparison.lines:
            raise SystemExit(1)

    def read(self, options: dict[str, Any]) -> Options:
        owner, delimiter = options["owner"], options["delimiter"]
        return Options(
            owner_id=None if owner is None else read_owner(owner),
            columns=Columns(delimiter=None if delimiter is None else read_delimiter(delimiter)),
            csv_only=() if delimiter is None else ("--delimiter",),
        )
