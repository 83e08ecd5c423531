"""`manage.py rebuild_index`: make the bitmaps, and the ids in order, anew from the rows."""

import time
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from segments.management.upkeep import refusals
from segments.store import editing, upkeep


class Command(BaseCommand):
    requires_system_checks = []  # they import all views, which takes half a second
    help = (
        "Make all stored bitmaps, and the ids in order, anew from the rows of audiences, while everything goes on. "
        "Exits 2 when another process is at it, an older release has written meanwhile, or there is no database."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        start = time.monotonic()
        with refusals():
            for part, parts in upkeep.rebuild():
                params = {"part": part, "parts": parts, "seconds": f"{time.monotonic() - start:.1f}"}
                self.stdout.write(_("Part %(part)d of %(parts)d is done after %(seconds)s s.") % params)
            extent = upkeep.extent()
            editing.make()
        self.stdout.write(_("The bitmaps are those of the rows: %s.") % extent)
