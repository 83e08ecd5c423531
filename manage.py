#!/usr/bin/env python
"""Django's command line; with no DATABASE_URL set it starts the local PostgreSQL first."""

import os
import sys

WITHOUT_A_DATABASE = {
    "check", "help", "localdb", "run", "stop", "demo", "makemessages", "compilemessages", "version",
}  # fmt: skip


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "a2service.settings")
    if sys.argv[1:2] == ["worker"]:
        os.environ.setdefault("A2_PROCESS", "worker")
    try:
        from django.core.exceptions import ImproperlyConfigured
        from django.core.management import execute_from_command_line
        from django.db.utils import ProgrammingError
        from psycopg.errors import UndefinedTable
    except ModuleNotFoundError as error:
        sys.exit(f"This Python has no {error.name}. Type: .venv/bin/python manage.py … (make run makes it)")

    try:
        start_local_database()
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(str(error))
    except ProgrammingError as error:
        if not isinstance(error.__cause__, UndefinedTable):
            raise
        sys.exit("The database has no tables yet. Type: python manage.py migrate (make run does it, too)")


def start_local_database() -> None:
    """Start the local PostgreSQL unless it runs, DATABASE_URL names another, or the command needs none."""
    from django.conf import settings

    from a2service.localdb import LocalDatabase, LocalDatabaseError

    directory = settings.A2_LOCAL_DIR  # reads the settings, and with them .env, which may name a database
    if os.environ.get("DATABASE_URL") or set(sys.argv[1:2]) <= WITHOUT_A_DATABASE:
        return
    try:
        if LocalDatabase(directory / "postgres").start():
            print("Started the local PostgreSQL; `python manage.py localdb stop` stops it.", file=sys.stderr)
    except LocalDatabaseError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    # Python has None for an output that the shell closed; it is one that nobody reads.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 open to the end
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115 the same
    try:
        main()
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)
