"""Bitmaps and deltas: every answer is the reference's, whatever was written, folded, rebuilt or damaged before."""

import uuid

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from segments.expressions import And, AnyOf
from segments.models import Audience, AudienceBitmap, AudienceDelta, AudienceHead, IndexedValue
from segments.store import UNSENT, ProfileChange, upkeep
from segments.store import index as index_module
from segments.store.memory import MemoryStore
from segments.store.postgres import PostgresStore
from segments.tests import strategies as some
from segments.tests.interruptions import compact_until_the_head_is_needed, rebuild_for

EVERYBODY = And(())
IDS = [f"u{number}" for number in range(12)]

pytestmark = pytest.mark.django_db(transaction=True)


def changes():
    return st.lists(
        st.builds(
            ProfileChange,
            id=st.sampled_from(IDS),
            properties=st.just(UNSENT) | some.audience_properties(some.VOCABULARY),
            merges=st.booleans(),
        ),
        min_size=1,
        max_size=4,
        unique_by=lambda change: change.id,
    )


class Store(RuleBasedStateMachine):
    """Writers, upkeep and readers, one after the other, in any order; `MemoryStore` is the judge."""

    @initialize()
    def begin(self):
        for model in (Audience, AudienceHead, AudienceDelta, AudienceBitmap, IndexedValue):
            model.objects.all().delete()
        self.store, self.judge = PostgresStore(), MemoryStore()

    @rule(changes=changes())
    def upsert(self, changes):
        assert self.store.upsert(changes) == self.judge.upsert(changes)

    @rule(ids=st.lists(st.sampled_from(IDS), min_size=1, max_size=3, unique=True))
    def erase(self, ids):
        assert self.store.erase(ids) == self.judge.erase(ids)

    @rule()
    def compact(self):
        upkeep.compact()
        assert not AudienceDelta.objects.exists()

    @rule()
    def rebuild(self):
        list(upkeep.rebuild())

    @rule()
    def cut_off_a_compaction(self):
        if AudienceDelta.objects.exists():
            compact_until_the_head_is_needed()

    @rule(steps=st.integers(1, 2))
    def cut_off_a_rebuild(self, steps):
        rebuild_for(steps)

    @rule(changes=changes(), ids=st.lists(st.sampled_from(IDS), max_size=2, unique=True))
    def take_back(self, changes, ids):
        """Write in a transaction, read there, and roll it back."""
        with transaction.atomic():
            self.store.upsert(changes)
            self.store.erase(ids)
            with self.store.snapshot() as view:
                assert view.total == view.count(EVERYBODY) == len(list(view.ids(EVERYBODY)))
            transaction.set_rollback(True)

    @rule()
    def forget(self):
        """Another process, which has nothing in memory yet."""
        index_module.INDEX.view = None

    @rule(tree=some.trees(some.VOCABULARY))
    def count(self, tree):
        with self.store.snapshot() as view, self.judge.snapshot() as expected:
            assert view.count(tree) == expected.count(tree)
            assert list(view.ids(tree)) == list(expected.ids(tree))
            assert view.total == expected.total

    @rule(code=st.sampled_from(sorted(some.VOCABULARY)))
    def value_counts(self, code):
        with self.store.snapshot() as view, self.judge.snapshot() as expected:
            assert view.value_counts(code) == expected.value_counts(code)

    @rule(tree=some.trees(some.VOCABULARY), code=st.sampled_from(sorted(some.VOCABULARY)), limit=st.integers(0, 4))
    def look_among_those_selected(self, tree, code, limit):
        with self.store.snapshot() as view, self.judge.snapshot() as expected:
            assert view.value_counts(code, tree) == expected.value_counts(code, tree)
            assert expected.value_counts(code).keys() <= set(view.common_values(code, 100))
            drawn = view.sample(tree, limit)
            assert set(drawn) <= set(expected.ids(tree))
            assert len(drawn) == min(limit, expected.count(tree))

    @invariant()
    def agrees_with_the_rows(self):
        if AudienceHead.objects.exists():
            assert list(upkeep.differences()) == []


def test_it_answers_as_the_reference_does_at_every_step(request):
    steps = int(request.config.getoption("--steps"))
    options = settings(max_examples=steps // 25, stateful_step_count=30, deadline=None,
                       suppress_health_check=list(HealthCheck))  # fmt: skip
    run_state_machine_as_test(Store, settings=options)


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
        assert view.common_values("tier", 2) == ["new", "gold"]
        assert view.common_values("tier", 9) == ["new", "gold", "silver"]


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
