"""`manage.py import_segments`: segments from CSV or JSON Lines."""

from segments.importing.segments import Segments
from segments.management.imports import EXITS, ImportCommand


class Command(ImportCommand):
    help = "Create segments from a file, or change those that have its ids; without an id a segment is new." + EXITS
    kind = Segments
