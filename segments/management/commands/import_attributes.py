"""`manage.py import_attributes`: attributes from CSV or JSON Lines."""

from segments.importing.attributes import Attributes
from segments.management.imports import EXITS, ImportCommand


class Command(ImportCommand):
    help = "Create attributes from a file, or change those that have its codes." + EXITS
    kind = Attributes
