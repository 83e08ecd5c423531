"""`manage.py import_audiences`: audiences from CSV or JSON Lines."""

from typing import Any

from django.core.management.base import CommandParser

from segments.importing.audiences import Audiences
from segments.importing.options import MERGE, REPLACE, Columns, read_codes, read_delimiter
from segments.management.imports import EXITS, ImportCommand


class Command(ImportCommand):
    help = "Create audiences from a file, or change those that have its ids." + EXITS
    kind = Audiences
    csv_options = ("delimiter", "id_column", "skip", "map", "separator", "mode")
    owner_help = "who owns the attributes that are learned; the installation itself when left out"

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--id-column", metavar="COLUMN", help="the column of ids; id when left out")
        parser.add_argument("--skip", action="append", default=[], metavar="COLUMN", help="no attribute; repeat")
        parser.add_argument(
            "--map", action="append", default=[], metavar="CODE=COLUMN", help="another code for a column; repeat"
        )
        parser.add_argument("--separator", metavar="TEXT", help="between the values in a cell; | when left out")
        parser.add_argument(
            "--mode",
            choices=[MERGE, REPLACE],
            help="merge: attributes without a column stay, and that is so when left out; replace: they go",
        )

    def columns(self, options: dict[str, Any]) -> Columns:
        delimiter, separator = options["delimiter"], options["separator"]
        return Columns(
            delimiter=None if delimiter is None else read_delimiter(delimiter),
            id_column=options["id_column"] or "id",
            skip=frozenset(options["skip"]),
            codes=read_codes(options["map"]),
            separator="|" if separator is None else separator,
            merges=options["mode"] != REPLACE,
        )
