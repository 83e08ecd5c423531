"""Bitmaps and deltas: every answer is the reference's, whatever was written, folded, rebuilt or damaged before."""

import uuid

import pytest
from django.db import connection, transaction

from segments.expressions import And, AnyOf
from segments.models import Audience, AudienceBitmap, AudienceDelta, AudienceHead
from segments.store import ProfileChange, upkeep
from segments.store import index as index_module
from segments.store.postgres import PostgresStore

EVERYBODY = And(())

pytestmark = pytest.mark.django_db(transaction=True)


def answer(store, tree=EVERYBODY):
    with store.snapshot() as view:
        return type(view).__name__, view.count(tree)


def women(*ids):
    return [ProfileChange(each, properties={"gender": ["F"]}) for each in ids]


WOMEN = AnyOf("gender", ("F",))


def test_it_answers_from_bitmaps():
    store = PostgresStore()
    store.upsert(women("a", "b"))

    assert answer(store, WOMEN) == ("IndexSnapshot", 2)


def test_it_writes_no_delta_when_nothing_changed():
    store = PostgresStore()
    store.upsert(women("a"))
    store.upsert(women("a"))

    assert AudienceDelta.objects.count() == 1


def test_it_counts_a_change_in_the_callers_transaction_and_forgets_it_with_that():
    store = PostgresStore()
    store.upsert(women("a"))
    assert answer(store, WOMEN)[1] == 1
    with transaction.atomic():
        store.upsert(women("b"))
        assert answer(store, WOMEN) == ("IndexSnapshot", 2)
        transaction.set_rollback(True)
    assert answer(store, WOMEN)[1] == 1
    # The number that the write would have had is that of another one now.
    store.upsert([ProfileChange("c", properties={"gender": ["M"]})])
    assert answer(store, WOMEN)[1] == 1
    assert answer(store)[1] == 2


def test_it_makes_a_damaged_bitmap_again_from_rows_and_says_so(caplog):
    store = PostgresStore()
    store.upsert(women("a", "b"))
    upkeep.compact()
    for stored in AudienceBitmap.objects.exclude(value=0):
        data = bytearray(stored.data)
        data[-1] ^= 1
        AudienceBitmap.objects.filter(pk=stored.pk).update(data=bytes(data))

    assert answer(store, WOMEN)[1] == 2
    assert "is damaged" in caplog.text
    assert "is damaged" in " ".join(upkeep.differences())
    list(upkeep.rebuild())
    assert list(upkeep.differences()) == []


@pytest.mark.parametrize(
    "harm", ["UPDATE segments_audiencedelta SET packed = '\\x0102030405'", "DELETE FROM segments_audiencedelta"]
)
def test_it_answers_from_rows_when_deltas_are_damaged_or_missing(harm, caplog):
    store = PostgresStore()
    store.upsert(women("a", "b"))
    with connection.cursor() as cursor:
        cursor.execute(harm)

    assert answer(store, WOMEN) == ("RowsSnapshot", 2)
    assert "rows answer" in caplog.text
    list(upkeep.rebuild())
    assert answer(store, WOMEN) == ("IndexSnapshot", 2)


def test_it_takes_in_the_rows_of_an_older_release():
    Audience.objects.create(id="a", number=0, properties={"gender": ["F"], "tier": ["gold", "staff"]})
    AudienceHead.objects.create(next_number=1, seq=1)
    store = PostgresStore()
    assert answer(store, WOMEN) == ("RowsSnapshot", 1)

    list(upkeep.rebuild())

    assert answer(store, WOMEN) == ("IndexSnapshot", 1)
    assert list(upkeep.differences()) == []


def test_it_begins_anew_when_the_database_is_another_one():
    store = PostgresStore()
    store.upsert(women("a", "b"))
    assert answer(store, WOMEN)[1] == 2
    AudienceHead.objects.update(epoch=uuid.uuid4())

    assert answer(store, WOMEN)[1] == 2
    assert index_module.INDEX.view is not None


def test_it_knows_the_common_values_of_what_is_stored_and_of_what_was_written_since():
    store = PostgresStore()
    store.upsert([ProfileChange(f"u{n}", properties={"tier": ["gold" if n else "new"]}) for n in range(3)])
    upkeep.compact()
    store.upsert([ProfileChange(f"v{n}", properties={"tier": ["silver", "new"] if n else ["new"]}) for n in range(3)])

    with store.snapshot() as view:
        assert view.common_values(["tier"], 2) == {"tier": ["new", "gold"]}
        assert view.common_values(["tier"], 9) == {"tier": ["new", "gold", "silver"]}


def test_it_begins_anew_when_the_tables_were_filled_from_a_dump():
    """With other writes since, as many as the dump lacks."""
    store = PostgresStore()
    store.upsert(women("a"))
    tables = [model._meta.db_table for model in (Audience, AudienceHead, AudienceDelta)]
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"CREATE TEMPORARY TABLE dumped_{table} AS TABLE {table}")
        store.upsert(women("b"))
        assert answer(store, WOMEN)[1] == 2
        for table in tables:
            cursor.execute(f"TRUNCATE {table}; INSERT INTO {table} TABLE dumped_{table}; DROP TABLE dumped_{table}")
    store.upsert([ProfileChange("c", properties={"gender": ["M"]})])

    assert (answer(store)[1], answer(store, WOMEN)[1]) == (2, 1)


def test_it_keeps_no_more_than_it_may(settings):
    settings.A2_BITMAP_CACHE_MB = 0
    store = PostgresStore()
    store.upsert(
        [ProfileChange(f"u{n}", properties={"gender": ["F" if n % 2 else "M"], "n": [str(n)]}) for n in range(50)]
    )
    upkeep.compact()

    for number in range(50):
        assert answer(store, AnyOf("n", (str(number),)))[1] == 1
    view = index_module.INDEX.view
    assert view is not None
    assert len(view.base.bitmaps) == 1
