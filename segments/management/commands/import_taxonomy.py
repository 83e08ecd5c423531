"""`manage.py import_taxonomy`: the IAB Audience Taxonomy from its file."""

from segments.importing.taxonomy import Taxonomy
from segments.management.imports import EXITS, ImportCommand


class Command(ImportCommand):
    help = "Bring the lines of an IAB Audience Taxonomy to the catalogue, as labelled values." + EXITS
    kind = Taxonomy
    owner_help = "whose the attributes become; the installation's own where they are new when left out"
