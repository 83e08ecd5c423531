"""`manage.py compare_segments`: a file of segments against those that are here."""

from segments.importing.segments import Segments
from segments.management.comparisons import EXITS, CompareCommand


class Command(CompareCommand):
    help = "Compare a file of segments, as import_segments takes it, with those that are here." + EXITS
    kind = Segments
