"""`manage.py import_audiences`: audiences from CSV or JSON Lines."""

from segments.management.files import AudienceFileCommand
from segments.management.imports import EXITS, ImportCommand


class Command(AudienceFileCommand, ImportCommand):
    help = "Create audiences from a file, or change those that have its ids." + EXITS
    owner_help = "who owns the attributes that are learned; the installation itself when left out"
