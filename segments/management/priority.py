"""Work that can wait lets requests go first where both share a machine."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.db.backends.signals import connection_created

NICE = 10


def let_requests_go_first() -> None:
    """For the rest of this process, and of those that it begins, and of PostgreSQL's own for it.

    These are left as they are unless they can be told from here: they run on this machine, and this user may.
    """
    os.nice(NICE)
    connection_created.connect(of_postgresql)


def of_postgresql(connection: Any, **_of_signal: Any) -> None:
    about = connection.connection.info
    if not about.host.startswith("/"):  # of another machine, the number would be that of something else here
        return
    with suppress(OSError):
        if Path(f"/proc/{about.backend_pid}/cmdline").read_bytes().startswith(b"postgres:"):
            nice = os.getpriority(os.PRIO_PROCESS, about.backend_pid) + NICE
            os.setpriority(os.PRIO_PROCESS, about.backend_pid, nice)
