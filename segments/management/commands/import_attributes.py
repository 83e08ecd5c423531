"""`manage.py import_attributes`: attributes from CSV or JSON Lines."""

from django.core.management.base import CommandParser

from segments.importing.attributes import Attributes
from segments.management.imports import EXITS, ImportCommand


class Command(ImportCommand):
    help = "Create attributes from a file, or change those that have its codes." + EXITS
    kind = Attributes

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--take-over",
            action="store_true",
            help="attributes that other owners have become those of the owner that the line names",
        )
