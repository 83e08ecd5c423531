"""An import that is begun by hand lets requests go first, in its own process and in PostgreSQL's."""

import os
import time

import pytest
from django.db import connection

from segments.management.priority import NICE
from segments.store.database import fetch_all, fetch_one
from segments.tests.test_import_endings import begin
from segments.tests.threads import PATIENCE

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["begin"]

OTHERS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'a2 command' AND pid <> pg_backend_pid()"""


def priorities(processes):
    return {os.getpriority(os.PRIO_PROCESS, process) for process in processes}


def test_an_import_and_its_process_of_postgresql_are_nicer_than_others(begin):
    (own,) = fetch_one("SELECT pg_backend_pid()")
    if not connection.connection.info.host.startswith("/"):
        pytest.skip("PostgreSQL may be on another machine")
    others = fetch_all(OTHERS)
    (nice,) = priorities([own])
    process = begin("import_audiences", "-")

    end, found = time.monotonic() + PATIENCE, set()
    while found != {nice + NICE} and time.monotonic() < end:
        time.sleep(0.05)
        found = priorities(pid for (pid,) in set(fetch_all(OTHERS)) - set(others))

    assert found == {nice + NICE}
    assert priorities([process.pid]) == {NICE + os.getpriority(os.PRIO_PROCESS, 0)}
