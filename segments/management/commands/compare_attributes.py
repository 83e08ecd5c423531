"""`manage.py compare_attributes`: a file of attributes against those that are here."""

from segments.importing.attributes import Attributes
from segments.management.comparisons import EXITS, CompareCommand


class Command(CompareCommand):
    help = "Compare a file of attributes, as import_attributes takes it, with those that are here." + EXITS
    kind = Attributes
