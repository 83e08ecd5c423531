"""Sizes and writes on SIZE audiences (1,000,000), which are built once under A2_LOCAL_DIR: `make bench`."""

import json
import os
from pathlib import Path

import django

from a2service.localdb import LocalDatabase

SIZE = int(os.environ.get("SIZE", "1000000"))
FOLDER = Path(os.environ.get("A2_LOCAL_DIR") or ".local").resolve()
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    database = LocalDatabase(FOLDER / f"bench-{SIZE}")
    database.start()
    try:
        os.environ.update(DATABASE_URL=database.url, DJANGO_SETTINGS_MODULE="a2service.settings")
        django.setup()
        results = measure()
    finally:
        database.stop()
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"engine-{SIZE}.json").write_text(json.dumps(results, indent=1) + "\n")


def measure() -> dict[str, float]:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from bench.measuring import Bench

    return Bench(SIZE).run()


if __name__ == "__main__":
    main()
