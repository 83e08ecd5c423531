"""One import at a time; what a killed one left behind is put in order by the next."""

import pytest
from django.db import connection

from segments.importing import alone
from segments.models import Import
from segments.store.database import execute, fetch_all
from segments.tests.threads import elsewhere

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = "id,gender\nana,F\n"


def test_the_second_of_two_is_refused_and_told_whose_the_first_is(folder, monkeypatch):
    monkeypatch.setattr(alone, "PATIENCE", 0.1)
    first = Import.objects.create(kind="audiences", file="/data/first.csv", actor="command import_audiences")
    execute("SELECT pg_advisory_lock(%s)", [alone.LOCK])
    try:
        outcome = elsewhere(folder.load, "audiences", "people.csv", PEOPLE)
    finally:
        execute("SELECT pg_advisory_unlock(%s)", [alone.LOCK])

    assert outcome.code == 2
    assert "/data/first.csv" in outcome.said
    assert "by command import_audiences" in outcome.said
    first.refresh_from_db()
    assert first.state == "running"
    assert [run.state for run in Import.objects.exclude(pk=first.pk)] == ["refused"]


def test_the_next_one_ends_the_row_of_one_that_was_killed_and_removes_what_it_staged(folder):
    killed = Import.objects.create(kind="audiences", file="/data/first.csv", actor="command import_audiences")
    execute(f"CREATE UNLOGGED TABLE import_staged_{killed.pk} (line bigint)")

    assert folder.load("audiences", "people.csv", PEOPLE).counts == {"created": 1}
    killed.refresh_from_db()
    assert (killed.state, killed.finished_at is None) == ("failed", False)
    assert "The same command" in killed.reason
    assert fetch_all("SELECT relname FROM pg_class WHERE relname ~ '^import_staged'") == []
    assert not connection.in_atomic_block


def test_a_file_that_was_sent_is_left_to_its_job_whose_worker_was_killed(folder):
    sent = Import.objects.create(
        kind="audiences", file=str(folder.path / "people.csv"), actor="x", upload="kept.csv", staged=3
    )
    sent.ranges.create(upto="m")

    assert folder.load("audiences", "people.csv", PEOPLE).counts == {"created": 1}
    sent.refresh_from_db()
    assert (sent.state, sent.staged, sent.ranges.count()) == ("running", 3, 1)
