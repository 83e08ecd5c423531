"""Work that can wait lets requests go first where both share a machine."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.db.backends.signals import connection_created

NICE = 10


def let_requests_go_first() -> None:
    """For the rest of this process, and of those that it begins, and of PostgreSQL's for its connections.

    These are left as they are unless they can be told from here, and this user may.
    """
    os.nice(NICE)
    connection_created.connect(of_postgresql)


def of_postgresql(connection: Any, **_of_signal: Any) -> None:
    """Its process is on this machine if the one with its number says that it has this very connection, by a socket."""
    about = connection.connection.info
    with suppress(OSError):
        title = Path(f"/proc/{about.backend_pid}/cmdline").read_text(errors="replace")
        if title.startswith("postgres:") and f" {about.user} {about.dbname} [local] " in title:
            nice = max(os.getpriority(os.PRIO_PROCESS, process) for process in (0, about.backend_pid))
            os.setpriority(os.PRIO_PROCESS, about.backend_pid, nice)
