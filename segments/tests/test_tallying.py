"""How often things are used: counted in the process, and written apart from what uses them."""

from collections.abc import Callable
from datetime import timedelta
from threading import Thread

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from segments import tallying
from segments.models import Client, Tally
from segments.tests.conftest import Caller

TODAY = timezone.now().date()


@pytest.fixture(autouse=True)
def tallies(monkeypatch: pytest.MonkeyPatch) -> tallying.Tallies:
    """What the process has counted, from nothing."""
    fresh = tallying.Tallies()
    monkeypatch.setattr(tallying, "TALLIES", fresh)
    return fresh


def test_it_counts_the_requests_of_a_client_and_writes_none_of_it_meanwhile(
    api: Callable[..., Caller], tallies: tallying.Tallies
) -> None:
    alice = api("alice")
    for _time in range(3):
        assert alice.get("/audiences/segments").status_code == 200
    assert alice.get("/audiences/segments", Authorization="Bearer wrong").status_code == 401
    assert not Tally.objects.exists()

    tallies.write()

    used = tallying.used(tallying.CLIENT, [Client.objects.get().pk], since=timezone.now().date())
    assert [(each.times, each.last_at is not None) for each in used.values()] == [(3, True)]


def test_it_adds_what_each_process_and_each_minute_counted(db: None) -> None:
    for _process in range(2):
        tallies = tallying.Tallies()
        for _minute in range(2):
            tallies.note(tallying.LOOKED_UP, ["a", "b", "a"])
            tallies.write()

    assert dict(Tally.objects.values_list("object_id", "times")) == {"a": 8, "b": 4}


def test_it_loses_nothing_that_threads_count_at_once(db: None, tallies: tallying.Tallies) -> None:
    threads = [Thread(target=lambda: [tallying.note("client", 1) for _time in range(500)]) for _thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tallies.write()

    assert Tally.objects.get().times == 4000


def test_it_tells_of_a_time_and_when_last_at_all(db: None) -> None:
    long_ago = timezone.now() - timedelta(days=50)
    Tally.objects.create(kind="exported", object_id="a", day=long_ago.date(), times=7, last_at=long_ago)
    Tally.objects.create(kind="looked up", object_id="a", day=TODAY, times=1, last_at=timezone.now())

    month = tallying.used(tallying.EXPORTED, ["a", "b"], since=TODAY - timedelta(days=30))
    assert month == {"a": tallying.Used(0, long_ago), "b": tallying.Used(0, None)}
    assert tallying.used(tallying.EXPORTED, ["a"], since=long_ago.date())["a"].times == 7


def test_it_keeps_what_cannot_be_written(db: None, tallies: tallying.Tallies, monkeypatch: pytest.MonkeyPatch) -> None:
    tallying.note("client", 1)
    with monkeypatch.context() as broken:
        broken.setattr(tallying, "WRITE", "SELECT 1/0, %s, %s, %s, %s, %s")
        with pytest.raises(DatabaseError), transaction.atomic():
            tallies.write()
    tallying.note("client", 1)
    for _minute in range(2):
        tallies.write()

    assert Tally.objects.get().times == 2


def test_it_forgets_days_long_past(db: None, tallies: tallying.Tallies) -> None:
    for days in (119, 121):
        Tally.objects.create(
            kind="client", object_id="1", day=TODAY - timedelta(days=days), times=1, last_at=timezone.now()
        )
    tallies.write()

    assert [tally.day for tally in Tally.objects.all()] == [TODAY - timedelta(days=119)]
