"""`make bench`: every job beside its peers, on SIZE audiences that are made once under A2_LOCAL_DIR."""

import os
import sys
from pathlib import Path

import django

from a2service.localdb import LocalDatabase

FOLDER = Path(os.environ.get("A2_LOCAL_DIR") or ".local").resolve()


def main(size: int, wanted: list[str]) -> None:
    """Measure all parts, or those that are wanted; a database that was left in the middle of it is gone on with."""
    folder = FOLDER / f"bench-{size}"
    database = LocalDatabase(folder)
    database.start()
    try:
        os.environ.update(DATABASE_URL=database.url, DJANGO_SETTINGS_MODULE="a2service.settings", A2_PROCESS="command")
        django.setup()
        # Only now can what they import be imported.
        from bench.run import run

        run(size, folder, wanted)
    finally:
        database.stop()


if __name__ == "__main__":
    main(int(os.environ.get("SIZE") or 1_000_000), sys.argv[1:])
