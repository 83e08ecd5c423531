"""What the commands that read a file of objects share: the file, how its CSV is read, and whose its objects are."""

from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandParser

from segments.importing.audiences import Audiences
from segments.importing.kinds import Kind
from segments.importing.options import MERGE, REPLACE, Columns, read_codes, read_delimiter, refuse_contradictions

NOT_GIVEN: tuple[Any, ...] = (None, False, [])


class FileCommand(BaseCommand):
    """A command that reads a file of one kind of objects, as an import takes it."""

    requires_system_checks = []  # they import all views, which takes half a second
    kind: ClassVar[type[Kind]]
    csv_options: ClassVar[tuple[str, ...]] = ("delimiter",)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="CSV or JSON Lines, packed if it ends in .gz; - is standard input")
        parser.add_argument("--delimiter", metavar="CHARACTER", help=r"between the cells of CSV; \t is a tab")

    def columns(self, options: dict[str, Any]) -> Columns:
        """How a CSV file is read; ImportRefused when an option cannot be meant."""
        delimiter = options["delimiter"]
        return Columns(delimiter=None if delimiter is None else read_delimiter(delimiter))

    def csv_only(self, options: dict[str, Any]) -> tuple[str, ...]:
        """The options that were given and mean nothing in JSON Lines."""
        given = (name for name in self.csv_options if options[name] not in NOT_GIVEN)
        return tuple(f"--{name.replace('_', '-')}" for name in given)


class AudienceFileCommand(FileCommand):
    """One that reads audiences, whose columns are attributes."""

    kind = Audiences
    csv_options = ("delimiter", "id_column", "skip", "map", "separator", "mode")

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
        columns = Columns(
            delimiter=None if delimiter is None else read_delimiter(delimiter),
            id_column=options["id_column"] or "id",
            skip=frozenset(options["skip"]),
            codes=read_codes(options["map"]),
            separator="|" if separator is None else separator,
            merges=options["mode"] != REPLACE,
        )
        refuse_contradictions(columns)
        return columns
