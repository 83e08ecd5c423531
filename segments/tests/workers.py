"""A real worker process, as tests start it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from urllib.parse import quote

from django.db import connection

from a2service.programs import ROOT

PATIENCE = 60  # seconds


class WorkerProcess:
    """`manage.py worker` on the database of the test, or on another."""

    def __init__(self, url: str | None = None, **environment: str) -> None:
        self.said = ""
        environment = {**os.environ, "DATABASE_URL": url or url_of_the_test(), **environment}
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "worker"], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
        )

    def kill(self) -> None:
        self.process.kill()
        self.end()

    def stop(self) -> tuple[int, str]:
        """Its exit code and what it complained of, when it has ended as it was told to."""
        if self.process.poll() is None:
            self.process.terminate()
        return self.end()

    def end(self) -> tuple[int, str]:
        """The same, when it has ended."""
        self.process.wait(PATIENCE)
        self.said += "" if self.process.stderr.closed else self.process.stderr.read()
        self.process.stderr.close()
        return self.process.returncode, self.said


def url_of_the_test() -> str:
    names = connection.settings_dict
    who = f"{names['USER']}:{quote(names['PASSWORD'])}@" if names["PASSWORD"] else f"{names['USER']}@"
    port = f":{names['PORT']}" if names["PORT"] else ""
    return f"postgres://{who}{quote(names['HOST'], safe='')}{port}/{names['NAME']}"


def until(came_true: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline = time.monotonic() + PATIENCE
    while not came_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
