"""What imports make ahead of their writing, and how much of it at a time."""

import threading
from collections.abc import Iterator

import pytest
from django.db import transaction

from segments.importing.ahead import THREADS, made_ahead
from segments.importing.audiences import Audiences
from segments.importing.pace import LEAST, Pace
from segments.models import ImportRange
from segments.tests.imports import Folder

pytestmark = pytest.mark.django_db(transaction=True)


def test_items_come_in_their_order_and_few_are_made_ahead() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for item in range(50):
            made.append(item)
            yield item

    for place, item in enumerate(made_ahead(items())):
        assert item == place
        assert len(made) <= place + 2 + THREADS  # this one, those ahead, and the one that is asked for next
    assert place == 49


def test_what_fails_ahead_is_raised_in_its_turn() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise LookupError("the second")

    coming = made_ahead(items())
    assert next(coming) == 1
    with pytest.raises(LookupError, match="the second"):
        next(coming)


def test_inside_a_transaction_each_is_made_by_who_asks() -> None:
    with transaction.atomic():
        assert {*made_ahead(threading.get_ident() for _each in range(3))} == {threading.get_ident()}
    assert threading.get_ident() not in {*made_ahead(threading.get_ident() for _each in range(3))}


def test_the_pace_begins_with_few_grows_and_follows_the_time() -> None:
    pace = Pace(10_000)
    sizes = []
    for _range in range(6):
        sizes.append(pace.rows)
        pace.took(pace.rows, 0.000_01 * pace.rows)  # 10,000 in a tenth of a second
    assert sizes == [LEAST, 2_000, 4_000, 8_000, 10_000, 10_000]
    pace.took(10_000, 0.4)
    assert pace.rows == 2_500
    pace.took(2_500, 60.0)
    assert pace.rows == LEAST
    assert Pace(500).rows == 500


def test_the_pace_is_that_of_the_rows_that_are_written(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Audiences, "chunk_rows", 40)
    monkeypatch.setattr("segments.importing.pace.LEAST", 2)
    taken: list[int] = []
    took = Pace.took

    def noted(self: Pace, rows: int, seconds: float) -> None:
        taken.append(rows)
        took(self, rows, 0.001)  # whatever this machine takes, so that it grows

    people = [f"p{number:04},gold" for number in range(900)]
    folder.load("audiences", "people.csv", "\n".join(["id,tier", *people]))
    monkeypatch.setattr(Pace, "took", noted)
    changed = [each + "en" if number % 5 == 0 else each for number, each in enumerate(people)]
    folder.load("audiences", "people.csv", "\n".join(["id,tier", *changed]))

    ranges = ImportRange.objects.filter(unchanged__gt=0).order_by("pk")
    written = [each.created + each.updated for each in ranges]
    assert sum(written) == 180
    assert len({*written}) > 2
    assert taken[:-1] == written[:-1]
