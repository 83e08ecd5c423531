"""The worker as it is lived with: a real process that is started, stopped and killed."""

from collections.abc import Callable, Iterator

import pytest
from django.db import connection, transaction
from procrastinate.contrib.django.models import ProcrastinateEvent, ProcrastinateJob, ProcrastinateWorker

from segments.models import AudienceSegment, SegmentSize
from segments.tests.threads import elsewhere
from segments.tests.workers import WorkerProcess, until

pytestmark = pytest.mark.django_db(transaction=True)
WAITING = """
    SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE NOT granted AND locktype = 'transactionid' AND datname = current_database()"""


@pytest.fixture
def workers(transactional_db: None) -> Iterator[Callable[[], WorkerProcess]]:
    """Starts workers, of which none is left."""
    started: list[WorkerProcess] = []

    def start() -> WorkerProcess:
        started.append(WorkerProcess())
        return started[-1]

    yield start
    for worker in started:
        worker.stop()
    execute("TRUNCATE procrastinate_workers, procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers")


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def listed(caller) -> int:
    return caller.get("/audiences/segments").json()[0]["approximated_size"]


def test_lists_follow_soon_after_audiences_changed(people, draft, workers):
    people.post("/audiences/segments", draft(properties={"gender": ["F"]}))
    worker = workers()
    for number in range(3):
        before = listed(people)
        people.post("/audiences", {"id": f"q{number}", "properties": {"gender": "F"}})
        until(lambda: listed(people) == before + 1)  # noqa: B023 it is waited for within the round

    assert list(SegmentSize.objects.order_by("id").values_list("size", flat=True)) == [3, 4, 5, 6]
    code, said = worker.stop()
    assert (code, said) == (0, "")
    assert not ProcrastinateWorker.objects.exists()


def test_a_job_that_its_worker_was_killed_at_is_begun_again_by_another(people, draft, workers):
    people.post("/audiences/segments", draft(properties={"gender": ["F"]}))
    people.post("/audiences", {"id": "q1", "properties": {"gender": "F"}})
    with transaction.atomic():
        AudienceSegment.objects.select_for_update().get()
        worker = workers()
        until(lambda: elsewhere(waits_for_a_row))
        cut_off = ProcrastinateJob.objects.get(status="doing", task_name__endswith="recount_sizes")
        worker.kill()
    assert listed(people) == 3
    execute("UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - interval '1 hour'")

    workers()

    until(lambda: listed(people) == 4)
    until(lambda: not ProcrastinateJob.objects.filter(pk=cut_off.pk).exists())


def waits_for_a_row() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        return bool(cursor.fetchone()[0])


def test_what_it_is_at_is_finished_before_it_stops(people, draft, workers):
    people.post("/audiences/segments", draft(properties={"gender": ["F"]}))
    people.post("/audiences", {"id": "q1", "properties": {"gender": "F"}})
    with transaction.atomic():
        AudienceSegment.objects.select_for_update().get()
        worker = workers()
        until(lambda: elsewhere(waits_for_a_row))
        worker.process.terminate()
        assert worker.process.poll() is None

    assert worker.end() == (0, "")
    assert listed(people) == 4


def test_jobs_leave_nothing_behind(people, workers):
    worker = workers()
    until(lambda: ProcrastinateJob.objects.exists())
    until(lambda: not ProcrastinateJob.objects.exists())
    worker.stop()

    assert not ProcrastinateJob.objects.filter(status__in=["succeeded", "failed"]).exists()
    assert not ProcrastinateEvent.objects.filter(job__status="succeeded").exists()


def test_it_connects_as_a_worker_and_so_with_a_workers_timeouts(workers):
    workers()
    until(lambda: ProcrastinateWorker.objects.exists())

    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT application_name FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        assert ("a2 worker",) in cursor.fetchall()
