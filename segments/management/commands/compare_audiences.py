"""`manage.py compare_audiences`: a file of audiences against those that are here."""

from segments.management.comparisons import EXITS, CompareCommand
from segments.management.files import AudienceFileCommand


class Command(AudienceFileCommand, CompareCommand):
    help = "Compare a file of audiences, as import_audiences takes it, with those that are here." + EXITS
