"""An import that is begun by hand lets requests go first, in its own process and in PostgreSQL's."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from types import SimpleNamespace

import pytest
from django.db import connection

from segments.management.priority import NICE, of_postgresql
from segments.store.database import fetch_all, fetch_one
from segments.tests.test_import_endings import begin
from segments.tests.threads import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["begin"]

OTHERS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'a2 command' AND pid <> pg_backend_pid()"""


def priorities(processes):
    with suppress(ProcessLookupError):
        return {os.getpriority(os.PRIO_PROCESS, process) for process in processes}


def test_an_import_and_its_process_of_postgresql_are_nicer_than_others(begin):
    (own,) = fetch_one("SELECT pg_backend_pid()")
    if not connection.connection.info.host.startswith("/") or os.geteuid() not in {0, owner_of(own)}:
        pytest.skip("PostgreSQL may be on another machine, or another user's")
    others = fetch_all(OTHERS)
    nice = min(os.getpriority(os.PRIO_PROCESS, 0) + NICE, 19)
    process = begin("import_audiences", "-")

    end, found = time.monotonic() + PATIENCE, set()
    while found != {nice} and time.monotonic() < end:
        time.sleep(0.05)
        found = priorities(pid for (pid,) in set(fetch_all(OTHERS)) - set(others))

    assert found == priorities([process.pid]) == {nice}


def owner_of(process):
    with suppress(FileNotFoundError):
        return os.stat(f"/proc/{process}").st_uid


@pytest.mark.parametrize("change", ["user", "dbname"])
def test_no_other_process_is_taken_for_that_of_postgresql(monkeypatch, change):
    connection.ensure_connection()
    about = connection.connection.info
    said = SimpleNamespace(backend_pid=about.backend_pid, user=about.user, dbname=about.dbname)
    setattr(said, change, "other")
    monkeypatch.setattr(os, "setpriority", lambda *_called: pytest.fail("it was another one"))

    of_postgresql(SimpleNamespace(connection=SimpleNamespace(info=said)))


def test_a_process_of_something_else_may_be_called_anything():
    command = [sys.executable.encode(), b"-c", b"input()", b"\xff"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        of_postgresql(
            SimpleNamespace(
                connection=SimpleNamespace(info=SimpleNamespace(backend_pid=process.pid, user="a2", dbname="a2"))
            )
        )

        assert priorities([process.pid]) == priorities([0])
