#!/usr/bin/env python
"""Django's command line; with no DATABASE_URL set it starts the local PostgreSQL first."""

import os
import sys

WITHOUT_A_DATABASE = {"check", "help", "localdb", "run", "demo", "makemessages", "compilemessages", "version"}


def start_local_database() -> None:
    """Start the local PostgreSQL unless it runs, DATABASE_URL names another, or the command needs none."""
    from django.conf import settings

    from a2service.localdb import LocalDatabase, LocalDatabaseError

    if os.environ.get("DATABASE_URL") or set(sys.argv[1:2]) <= WITHOUT_A_DATABASE:
        return
    try:
        if LocalDatabase(settings.A2_LOCAL_DIR / "postgres").start():
            print("Started the local PostgreSQL; `python manage.py localdb stop` stops it.", file=sys.stderr)
    except LocalDatabaseError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "a2service.settings")
    from django.core.management import execute_from_command_line

    start_local_database()
    execute_from_command_line(sys.argv)
