"""Imports of files that were sent are stopped in the admin: cleanly, to go on later to the receipt of a straight run."""

from collections.abc import Iterator

import pytest
from django.db import connection

from segments.importing import background, uploads
from segments.importing.audiences import Audiences
from segments.models import Audience, Import
from segments.models.changes import Actor
from segments.tests.test_admin_imports import kept, page, send, shown, tried, work
from segments.tests.threads import elsewhere_an_import_is_at_work

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["kept"]


@pytest.fixture(autouse=True)
def no_jobs(transactional_db: None) -> Iterator[None]:
    """None is left: the job's table is not the test's to flush."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs CASCADE")


def test_one_that_is_at_work_ends_between_two_transactions_and_goes_on_to_the_same_receipt(staff, kept, monkeypatch):
    monkeypatch.setattr(background, "SAID_EVERY", 0.0)
    monkeypatch.setattr(Audiences, "chunk_rows", 1_000)
    lines = "id,gender\n" + "".join(f"p{n:05},F\n" for n in range(5_000)) + "x\n"
    staff.post(page("apply", tried(staff, lines)))
    row = Import.objects.first()
    heed = background.Kept.heed

    def asked_for_in_the_middle(progress):
        if Import.objects.get(pk=row.pk).created >= 2_000:
            background.stop(Import.objects.get(pk=row.pk), "staff mina", at_work=True)
        heed(progress)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(background.Kept, "heed", asked_for_in_the_middle)
        work()
    row.refresh_from_db()
    assert (row.state, row.reason, row.staged) == ("paused", "Stopped by staff mina.", 5_000)
    assert Audience.objects.count() == row.created == 2_000
    text = shown(staff, row)
    assert "2,000 objects were written by then." in text
    assert uploads.is_kept(row)

    staff.post(page("resume", row))
    work()
    row.refresh_from_db()
    assert (row.state, row.lines, row.created, row.rejected, row.staged) == ("done", 5_001, 5_000, 1, None)
    assert Audience.objects.count() == 5_000
    assert not uploads.is_kept(row)


def test_a_stop_while_another_import_is_at_work_does_not_wait_for_it(staff, kept):
    send(staff)
    row = Import.objects.get()
    background.stop(Import.objects.get(), "staff mina", at_work=True)
    with elsewhere_an_import_is_at_work():
        work()

    row.refresh_from_db()
    assert (row.state, row.lines) == ("stopped", 0)


def test_a_second_worker_that_was_given_the_same_file_leaves_what_the_first_has_done(staff, kept):
    staff.post(page("apply", tried(staff, "id,gender\np1,F\n")))
    read_before = Import.objects.defer("stopped_by").first()
    work()

    background.load(read_before, Actor(command="import"), lambda: False)
    row = Import.objects.get(pk=read_before.pk)
    assert (row.state, row.lines, row.created) == ("done", 1, 1)
