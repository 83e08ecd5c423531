"""Imports by real processes: a worker that is told to end, or killed, in the middle, and two imports at once."""

from collections.abc import Iterator

import pytest
from django.conf import settings as service
from django.db import connection, transaction

from segments.importing.receipt import Receipt
from segments.models import Audience, Import, ImportRange
from segments.store.database import execute
from segments.store.writing import lock_head
from segments.tests.imports import load
from segments.tests.test_import_endings import begin, ended
from segments.tests.test_imports_api import kept, send
from segments.tests.threads import elsewhere, until_somebody_waits
from segments.tests.workers import WorkerProcess, until

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["begin", "kept"]

LINES = 12_000
MANY = "id,gender\n" + "".join(f"p{number * 7919 % LINES:05},F\n" for number in range(LINES)) + "x\n"
WHOLE = {"lines": LINES + 1, "created": LINES, "rejected": 1, "reasons": {"ragged": 1}}
ONE = "id,gender\nana,F\n"


@pytest.fixture(autouse=True)
def workers(transactional_db: None) -> Iterator[list[WorkerProcess]]:
    """Those that were started, of which none is left."""
    started: list[WorkerProcess] = []
    yield started
    for worker in started:
        worker.stop()
    execute("TRUNCATE procrastinate_workers, procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers")


def worker(workers) -> WorkerProcess:
    workers.append(WorkerProcess(A2_IMPORT_DIR=str(service.A2_IMPORT_DIR)))
    return workers[-1]


def only() -> Import:
    row: Import = Import.objects.get()
    return row


def assert_whole() -> None:
    receipt = Receipt().as_json() | WHOLE
    assert (only().state, Receipt.of(only()).as_json()) == ("done", receipt)
    assert Audience.objects.count() == LINES


def test_a_worker_that_is_told_to_end_hands_its_import_to_the_next(api, workers):
    send(api("platform"), "kind=audiences", MANY)
    first = worker(workers)
    until(lambda: ImportRange.objects.exists())
    assert first.stop() == (0, "")
    row = only()
    assert (row.state, row.finished_at, row.staged) == ("queued", None, LINES)
    assert 0 < row.created < LINES

    worker(workers)
    until(lambda: only().is_over)
    assert_whole()


def test_what_a_worker_was_killed_at_is_gone_on_with_by_the_next(api, workers):
    send(api("platform"), "kind=audiences", MANY)
    first = worker(workers)
    until(lambda: ImportRange.objects.exists())
    first.kill()
    row = only()
    assert (row.state, row.staged) == ("running", LINES)
    assert 0 < row.created < LINES
    execute("UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - interval '1 hour'")

    worker(workers)
    until(lambda: only().is_over)
    assert_whole()


def test_while_a_command_imports_another_is_refused_and_a_file_that_was_sent_waits(api, begin, folder, workers):
    send(api("platform"), "kind=audiences&name=sent.csv", ONE)
    path = folder.file("people.csv", MANY)
    with transaction.atomic():
        lock_head()
        first = begin("import_audiences", path)
        until_somebody_waits()
        worker(workers)
        until(lambda: elsewhere(is_taken))
        refused = elsewhere(folder.load, "audiences", "other.csv", ONE)
        assert elsewhere(state_of, "sent.csv") == "queued"

    assert refused.code == 2
    assert str(path) in refused.said
    assert "import_audiences" in refused.said
    assert ended(first)[0] == 1
    until(lambda: state_of("sent.csv") == "done")
    assert Audience.objects.count() == LINES + 1


def test_while_a_file_that_was_sent_is_loaded_a_command_is_refused(api, folder, workers):
    send(api("platform"), "kind=audiences&name=sent.csv", MANY)
    with transaction.atomic():
        lock_head()
        worker(workers)
        until_somebody_waits()
        refused = elsewhere(folder.load, "audiences", "other.csv", ONE)

    assert refused.code == 2
    assert "Another import is at work: sent.csv, since" in refused.said
    until(lambda: state_of("sent.csv") == "done")
    assert load("audiences", folder.path / "other.csv").counts == {"created": 1}


def state_of(file: str) -> str:
    return Import.objects.get(file=file).state


def is_taken() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name LIKE '%%run_import' AND status = 'doing'"
        )
        return bool(cursor.fetchone()[0])
