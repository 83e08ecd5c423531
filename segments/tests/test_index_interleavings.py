"""Moments between two statements, one test each: what a reader, a compaction or a rebuild finds there."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from segments.expressions import And, AnyOf, Not
from segments.models import Audience, AudienceBitmap, AudienceDelta, AudienceHead
from segments.store import ProfileChange, UpsertCounts, upkeep
from segments.store import index as index_module
from segments.store.numbering import number_values
from segments.store.postgres import PostgresStore
from segments.store.scanning import Uncanonical
from segments.tests.interruptions import compact_until_the_head_is_needed
from segments.tests.threads import PATIENCE, elsewhere, until_somebody_waits

EVERYBODY = And(())
MEN, WOMEN = AnyOf("gender", ("M",)), AnyOf("gender", ("F",))

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def store():
    return PostgresStore()


def people(gender, *ids):
    return [ProfileChange(each, properties={"gender": [gender]}) for each in ids]


def forget():
    """Be a process that has nothing in memory yet."""
    index_module.INDEX.view = None


def count(tree=EVERYBODY):
    with PostgresStore().snapshot() as view:
        return view.count(tree)


def damage(value):
    for stored in AudienceBitmap.objects.filter(value=value):
        data = bytearray(stored.data)
        data[-1] ^= 1
        AudienceBitmap.objects.filter(pk=stored.pk).update(data=bytes(data))


def value_of_women():
    (value,) = AudienceBitmap.objects.exclude(value=0).values_list("value", flat=True)
    return value


def test_an_older_snapshot_does_not_read_older_bitmaps_under_a_younger_view(store):
    store.upsert(people("F", "ana", "bea"))
    with store.snapshot() as outer:
        assert outer.count(WOMEN) == 2
        elsewhere(upkeep.compact)
        forget()
        assert elsewhere(count) == 2

        assert count(WOMEN) == 2
    assert elsewhere(count, WOMEN) == 2


def test_a_compaction_that_was_cut_off_does_not_hide_what_happened_to_new_audiences_since(store):
    store.upsert(people("F", "ana", "bea"))
    compact_until_the_head_is_needed()
    store.upsert(people("M", "ana"))
    store.erase(["bea"])

    upkeep.compact()

    assert list(upkeep.differences()) == []
    forget()
    assert (count(WOMEN), count(MEN), count()) == (0, 1, 1)


def between_statements(happens):
    """Have something happen elsewhere after each statement of this connection's."""

    def execute_and_then(execute, *arguments):
        try:
            return execute(*arguments)
        finally:
            elsewhere(happens)

    return connection.execute_wrapper(execute_and_then)


def test_bitmaps_may_be_let_go_and_loaded_anew_by_others_in_the_middle_of_a_count(store, settings):
    """What one count has begun with it ends with, also when nothing may stay in memory."""
    settings.A2_BITMAP_CACHE_MB = 0
    store.upsert(people("F", "ana", "bea", "eva"))
    upkeep.compact()
    with store.snapshot() as view:
        view.count(WOMEN)
    store.upsert(people("M", "ana", "bea"))

    def others():
        upkeep.compact()
        count(WOMEN)
        count(EVERYBODY)

    with store.snapshot() as view, between_statements(others):
        assert view.count(And((WOMEN, Not(MEN)))) == 1
        assert view.count(Not(WOMEN)) == 2
        assert view.value_counts("gender") == {"F": 1, "M": 2}


def rebuild():
    list(upkeep.rebuild())


@pytest.mark.parametrize("keep", [upkeep.compact, rebuild])
def test_bitmaps_of_an_earlier_and_a_later_moment_are_not_mixed_in_a_transaction(store, keep):
    store.upsert([*people("F", "ana", "bea"), *people("M", "dan")])
    keep()
    forget()

    def others():
        store.upsert(people("M", "ana"))
        keep()

    with transaction.atomic(), store.snapshot() as view:
        assert view.count(WOMEN) == 2
        elsewhere(others)
        assert view.count(And((WOMEN, MEN))) == 0


@pytest.mark.parametrize("keep", [upkeep.compact, rebuild])
def test_an_older_view_does_not_use_what_a_younger_one_has_loaded(store, keep):
    store.upsert([*people("F", "ana", "bea"), *people("M", "dan")])
    keep()
    forget()

    def others():
        store.upsert(people("M", "ana"))
        keep()
        count(MEN)

    with store.snapshot() as view:
        elsewhere(others)
        assert (view.count(WOMEN), view.count(MEN)) == (2, 1)


def test_a_damaged_bitmap_is_not_made_again_from_what_a_transaction_may_take_back(store):
    store.upsert(people("F", "ana"))
    upkeep.compact()
    damage(value_of_women())
    assert count() == 1
    with transaction.atomic():
        store.upsert(people("F", "bea"))
        assert count(WOMEN) == 2
        transaction.set_rollback(True)

    assert count(WOMEN) == 1


def test_a_bitmap_made_again_from_rows_is_not_given_to_an_older_view(store):
    store.upsert(people("F", "ana"))
    upkeep.compact()
    damage(value_of_women())
    with store.snapshot() as older:
        elsewhere(store.upsert, people("F", "bea"))
        assert elsewhere(count, WOMEN) == 2

        assert older.count(WOMEN) == 1


def test_a_compaction_makes_damaged_bitmaps_again_from_rows(store):
    store.upsert(people("F", "ana"))
    upkeep.compact()
    damage(value_of_women())
    store.upsert(people("F", "bea"))

    assert upkeep.compact() == 1
    assert list(upkeep.differences()) == []


def write_as_an_older_release(*statements):
    """Rows and the count of writes, without value ids and deltas."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE segments_audiencehead SET seq = seq + 1, next_number = next_number + 1")
        for statement in statements:
            cursor.execute(statement)


OLDER_UPDATE = """UPDATE segments_audience SET properties = '{"gender": ["M"], "tier": ["gold"]}' WHERE id = 'ana'"""
OLDER_INSERT = """INSERT INTO segments_audience (id, number, properties, created_at, updated_at)
    VALUES ('zoe', 2, '{"gender": ["F"]}', now(), now())"""


def test_what_an_older_release_wrote_is_counted_from_rows_and_then_taken_in(store):
    store.upsert(people("F", "ana", "bea"))
    write_as_an_older_release(OLDER_UPDATE, OLDER_INSERT)
    assert count(WOMEN) == 2
    store.upsert([ProfileChange("zoe", properties={"tier": ["gold"]}, merges=True)])
    assert count(AnyOf("tier", ("gold",))) == 2

    list(upkeep.rebuild())

    assert list(upkeep.differences()) == []
    with store.snapshot() as view:
        assert isinstance(view, index_module.IndexSnapshot)
        assert view.value_counts("tier") == {"gold": 2}
        assert (view.count(WOMEN), view.count(MEN)) == (2, 1)


def test_value_ids_that_an_older_release_left_behind_do_not_pass_for_the_properties_that_it_wrote(store):
    store.upsert(people("F", "ana", "bea"))
    write_as_an_older_release(OLDER_UPDATE)

    assert store.upsert(people("F", "ana", "bea")) == UpsertCounts(updated=1, unchanged=1)
    assert store.get(["ana"])["ana"].properties == {"gender": ["F"]}


def test_a_rebuild_that_an_older_release_wrote_into_says_so(store):
    store.upsert(people("F", "ana", "bea"))
    running = upkeep.rebuild()
    next(running)
    write_as_an_older_release(OLDER_UPDATE)

    with pytest.raises(upkeep.OlderRelease, match="older release"):
        list(running)
    assert count(WOMEN) == 1


def test_a_rebuild_takes_in_what_is_written_meanwhile(store):
    store.upsert(people("F", "ana", "bea"))
    for step, _of in upkeep.rebuild():
        store.upsert(people("M", "ana", f"new-{step}"))
        store.erase(["bea"])
        forget()
        assert count(WOMEN) == 0

    assert list(upkeep.differences()) == []


def test_a_rebuild_takes_in_what_was_written_on_value_ids_that_it_had_not_corrected_yet(store):
    """Such a write leaves a delta that is as wrong as the ids were."""
    store.upsert(people("F", "ana", "bea"))
    write_as_an_older_release(OLDER_UPDATE)

    def write_before_the_correction(execute, statement, *arguments):
        if statement.startswith(upkeep.INDEX_VALUES[:50]):
            elsewhere(store.upsert, [ProfileChange("ana", properties={"age": ["35"]}, merges=True)])
        return execute(statement, *arguments)

    with connection.execute_wrapper(write_before_the_correction):
        list(upkeep.rebuild())

    assert list(upkeep.differences()) == []
    assert (count(WOMEN), count(MEN), count(AnyOf("age", ("35",)))) == (1, 1, 1)


def test_a_rebuild_refuses_properties_that_are_not_lists_of_texts(store):
    store.upsert(people("F", "ana"))
    Audience.objects.update(properties={"gender": "F"})

    with pytest.raises(Uncanonical, match="number 0 has properties that are not lists of texts"):
        list(upkeep.rebuild())


def test_an_audience_with_new_values_can_be_created_while_another_writer_brings_the_same(store):
    """The one who holds the head must not wait for the values of one who waits for the head."""
    store.upsert(people("F", "ana"))

    def create():
        store.create(ProfileChange("cleo", properties={"tier": ["gold"]}))

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            number_values({("tier", "gold")})
            creating = pool.submit(elsewhere, create)
            until_somebody_waits()
            store.upsert([ProfileChange("dana", properties={"tier": ["gold"]})])
        creating.result(PATIENCE)
    assert count(AnyOf("tier", ("gold",))) == 2


def test_a_lost_head_does_not_bring_old_bitmaps_back(store):
    store.upsert(people("F", "ana", "bea", "eva"))
    upkeep.compact()
    for model in (Audience, AudienceHead):
        model.objects.all().delete()
    store.upsert(people("M", "cleo"))

    assert (count(), count(WOMEN)) == (1, 0)
    list(upkeep.rebuild())
    assert list(upkeep.differences()) == []


def test_deltas_that_the_bitmaps_hold_already_are_not_applied_again(store):
    store.upsert(people("F", "ana"))
    old = AudienceDelta.objects.get()
    store.upsert(people("M", "ana"))
    upkeep.compact()
    AudienceDelta.objects.bulk_create([old])
    forget()

    assert (count(WOMEN), count(MEN)) == (0, 1)
    assert list(upkeep.differences()) == []
