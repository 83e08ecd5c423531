"""`manage.py compact_index`: fold the deltas into the bitmaps now."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from segments.management.upkeep import refusals
from segments.store import upkeep


class Command(BaseCommand):
    requires_system_checks = []  # they import all views, which takes half a second
    help = (
        "Fold what was written since into the stored bitmaps, while everything goes on; the service does so by itself. "
        "Exits 2 when another process is at it, the deltas cannot be used, or there is no database."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        with refusals():
            writes = upkeep.compact()
        said = _("Folded %s writes into the bitmaps.") % f"{writes:,}" if writes else _("There is nothing to fold.")
        self.stdout.write(said)
