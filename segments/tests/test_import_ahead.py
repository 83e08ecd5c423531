"""What imports make ahead of their writing, and how much of it at a time."""

import threading
from collections.abc import Iterator

import pytest
from django.db import transaction

from segments.importing.ahead import THREADS, made_ahead
from segments.importing.pace import LEAST, Pace

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
