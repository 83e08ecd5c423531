"""What `PostgresStore` promises beyond the contract: many writers, numbers, transactions, views."""

import random
from threading import Event

import pytest
from django.db import DataError, InternalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from segments.exceptions import AudienceExists, NumbersExhausted
from segments.expressions import And, AnyOf
from segments.models import Audience, AudienceHead
from segments.store import ProfileChange, UpsertCounts
from segments.store.database import execute, fetch_all, fetch_one
from segments.store.postgres import PostgresStore
from segments.store.writing import DIFFERS, INCOMING, WRITE
from segments.tests.threads import elsewhere, together

EVERYBODY = And(())
WOMEN = AnyOf("gender", ("F",))


@pytest.fixture
def store(transactional_db):
    return PostgresStore()


def women(ids, gender="F"):
    return [ProfileChange(audience_id, properties={"gender": [gender]}) for audience_id in ids]


def numbers():
    return dict(Audience.objects.order_by("id").values_list("id", "number"))


def addresses():
    """Where each row lies and which transaction wrote it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id, ctid::text, xmin::text, updated_at FROM {Audience._meta.db_table} ORDER BY id")
        return cursor.fetchall()


def test_it_gives_new_audiences_contiguous_numbers_in_the_order_of_their_ids(store):
    store.upsert(women(["c", "a", "b"]))
    store.upsert(women(["e", "b", "0", "a"]))

    assert numbers() == {"a": 0, "b": 1, "c": 2, "0": 3, "e": 4}
    assert AudienceHead.objects.get().next_number == 5


def test_it_never_gives_a_number_again(store):
    store.upsert(women(["a", "b"]))
    store.erase(["b"])
    store.upsert(women(["b", "c"]))

    assert numbers() == {"a": 0, "b": 2, "c": 3}


def test_it_goes_on_behind_the_highest_number_when_the_head_was_lost(store):
    store.upsert(women(["a", "b"]))
    AudienceHead.objects.all().delete()
    store.upsert(women(["c"]))

    assert numbers() == {"a": 0, "b": 1, "c": 2}


def test_it_refuses_new_audiences_when_the_numbers_are_used_up(store):
    store.upsert(women(["a"]))
    AudienceHead.objects.update(next_number=2**32 - 1)

    with pytest.raises(NumbersExhausted):
        store.upsert(women(["a", "b", "c"], "M"))
    assert numbers() == {"a": 0}
    assert store.upsert(women(["a", "b"], "M")) == UpsertCounts(created=1, updated=1)
    assert numbers() == {"a": 0, "b": 2**32 - 1}
    assert store.upsert(women(["a", "b"])) == UpsertCounts(updated=2)
    with pytest.raises(NumbersExhausted):
        store.create(ProfileChange("c"))


def test_it_rewrites_nothing_that_is_unchanged(store):
    changes = [*women(["a", "b"]), ProfileChange("c", alt_id={"crm": 1e300, "b": [1, 1.5]})]
    store.upsert(changes)
    rows, head = addresses(), AudienceHead.objects.values().get()

    assert store.upsert(changes) == UpsertCounts(unchanged=3)
    assert store.upsert([ProfileChange("a"), ProfileChange("b")]) == UpsertCounts(unchanged=2)
    assert store.erase(["nobody"]) == 0
    assert addresses() == rows
    assert AudienceHead.objects.values().get() == head


def test_it_rewrites_the_changed_row_alone(store):
    store.upsert(women(["a", "b"]))
    before = addresses()

    store.upsert([*women(["a"]), *women(["b"], "M")])
    after = addresses()
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_it_counts_the_writes_that_changed_something(store):
    for write in [store.upsert, store.upsert]:
        write(women(["a", "b"]))
    store.erase(["a"])
    store.erase(["a"])

    head = AudienceHead.objects.get()
    assert head.seq == 2
    assert head.at > Audience.objects.get().updated_at


def test_it_lets_many_writers_write_the_same_audiences(store):
    ids = [f"user-{index}" for index in range(60)]

    def write(seed):
        generator, created = random.Random(seed), 0
        for _round in range(12):
            chosen = generator.sample(ids, generator.randint(1, len(ids)))
            created += store.upsert(women(chosen, generator.choice("FM"))).created
            store.erase(generator.sample(ids, 3))
            created += store.upsert(women(ids[:10])).created
        return created

    created = together([lambda seed=seed: write(seed) for seed in range(6)])

    given = sorted(numbers().values())
    assert len(given) == len(set(given))
    assert AudienceHead.objects.get().next_number == sum(created)
    assert store.check() == []


def test_it_lets_one_of_many_creators_create_an_audience(store):
    def create():
        try:
            return store.create(ProfileChange("ana")).id
        except AudienceExists:
            return None

    store.create(ProfileChange("bob"))

    assert sorted(together([create] * 6), key=bool) == [None] * 5 + ["ana"]
    assert numbers() == {"bob": 0, "ana": 1}


def test_it_lets_writers_with_transactions_of_their_own_take_turns(store):
    def write(letter):
        with transaction.atomic():
            counts = store.upsert(women(["shared", f"{letter}1"], letter))
            store.upsert(women([f"{letter}2"]))
            return counts

    counts = together([lambda letter=letter: write(letter) for letter in "abcdef"])

    assert sorted(count.created for count in counts) == [1, 1, 1, 1, 1, 2]
    assert sorted(numbers().values()) == list(range(13))


def test_it_brings_its_rows_before_it_locks(store):
    """So that a writer holds the head for as short as can be, and takes the same few statements for any number."""
    store.upsert(women(["a"]))
    with CaptureQueriesContext(connection) as one:
        store.upsert(women(["b"]))
    with CaptureQueriesContext(connection) as many:
        store.upsert(women([f"{index}" for index in range(100)]))

    statements = [query["sql"] for query in many.captured_queries]
    (copied,) = [place for place, sql in enumerate(statements) if "COPY incoming" in sql]
    (locked,) = [place for place, sql in enumerate(statements) if "FOR UPDATE" in sql]
    assert copied < locked
    assert len(statements) == len(one)


def test_it_leaves_nothing_behind_when_the_caller_rolls_back(store):
    store.upsert(women(["a"]))
    rows, head = addresses(), AudienceHead.objects.values().get()

    with transaction.atomic():
        store.upsert(women(["a", "b"], "M"))
        store.create(ProfileChange("c"))
        store.erase(["a"])
        transaction.set_rollback(True)

    assert addresses() == rows
    assert AudienceHead.objects.values().get() == head
    store.upsert(women(["b"]))
    assert numbers() == {"a": 0, "b": 1}


@pytest.mark.parametrize("text", ["\0", "\ud800"])
def test_it_leaves_nothing_behind_when_postgresql_refuses_a_text(store, text):
    with pytest.raises((DataError, UnicodeEncodeError)):
        store.upsert([*women(["a"]), ProfileChange("b", properties={"gender": [text]})])

    assert numbers() == {}


def test_it_can_go_on_in_the_callers_transaction_after_a_refusal(store):
    with transaction.atomic():
        store.create(ProfileChange("ana"))
        with pytest.raises(AudienceExists):
            store.create(ProfileChange("ana"))
        with pytest.raises(ValueError, match="twice"):
            store.upsert(women(["bob", "bob"]))
        store.upsert(women(["bob"]))

    assert numbers() == {"ana": 0, "bob": 1}


def test_its_view_stays_as_it_is_while_others_write(store):
    store.upsert(women(["a", "b", "c"]))

    with store.snapshot() as view:
        elsewhere(store.upsert, women(["a", "d"], "M"))
        elsewhere(store.erase, ["c"])

        assert view.total == view.count(WOMEN) == view.count(EVERYBODY) == 3
        assert list(view.ids(WOMEN)) == ["a", "b", "c"]
        assert view.value_counts("gender") == {"F": 3}
    with store.snapshot() as later:
        assert list(later.ids(WOMEN)) == ["b"]
        assert later.total == 3
        assert later.as_of > view.as_of


def test_its_stream_goes_on_while_others_erase(store):
    ids = [f"{index:05}" for index in range(12_000)]
    store.upsert(women(ids))

    with store.snapshot() as view:
        stream = view.ids(WOMEN)
        first = next(stream)
        elsewhere(store.erase, ids)
        assert [first, *stream] == ids


def test_its_lasting_view_outlasts_a_slow_reader(store):
    def patience():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')"
            )
            return cursor.fetchone()

    usual = patience()
    with store.snapshot() as view:
        assert (patience(), view.total) == (usual, 0)
    with store.snapshot(lasting=True) as view:
        assert (patience(), view.total) == (("10min", "10min"), 0)
    assert patience() == usual


def test_its_views_all_add_up_while_others_write(store):
    """Every write keeps as many women as men; a view that mixed two moments would not."""
    store.upsert([*women(["a"]), *women(["b"], "M")])
    stop = Event()

    def write():
        while not stop.is_set():
            store.upsert([*women(["a", "c"], "M"), *women(["b", "d"])])
            store.upsert([*women(["a"]), *women(["b"], "M")])
            store.erase(["c", "d"])

    def read():
        try:
            for _round in range(100):
                with store.snapshot() as view:
                    counts = view.value_counts("gender")
                    assert counts == {"F": view.count(WOMEN), "M": view.count(WOMEN)}
                    assert view.total == 2 * view.count(WOMEN) == len(list(view.ids(EVERYBODY)))
        finally:
            stop.set()

    together([write, write, read])


def test_its_view_inside_a_transaction_counts_what_that_transaction_wrote(store):
    with transaction.atomic():
        store.upsert(women(["a", "b"]))
        with store.snapshot() as view:
            assert view.count(WOMEN) == view.total == 2
            assert list(view.ids(WOMEN)) == ["a", "b"]
        AudienceHead.objects.update(seq=7)

    assert AudienceHead.objects.get().seq == 7


def test_its_view_outside_a_transaction_lets_nobody_write(store):
    with store.snapshot(), pytest.raises(InternalError, match="read-only"):
        store.upsert(women(["a"]))

    assert numbers() == {}


def test_it_opens_a_view_within_a_view_on_the_same_moment(store):
    store.upsert(women(["a"]))

    with store.snapshot() as outer:
        elsewhere(store.upsert, women(["b"]))
        with store.snapshot() as inner:
            assert inner.total == outer.total == 1


def test_it_writes_ten_thousand_audiences_in_one_call(store):
    ids = [f"user-{index:05}" for index in range(10_000)]

    assert store.upsert(women(ids)) == UpsertCounts(created=10_000)
    assert store.upsert([*women(ids[:4_000]), *women(ids[4_000:], "M")]) == UpsertCounts(unchanged=4_000, updated=6_000)
    assert list(numbers().values()) == list(range(10_000))
    with store.snapshot() as view:
        assert view.count(WOMEN) == 4_000


def test_it_says_that_the_next_number_is_taken(store):
    store.upsert(women(["a", "b"]))
    AudienceHead.objects.update(next_number=1)

    assert store.check() == ["The next audience would get number 1, but 1 is given out already."]


@pytest.mark.parametrize("value", ["F", [], ["F", "F"], ["M", "F"], [1], [None], {"F": 1}, None])
def test_it_says_that_properties_are_not_canonical(store, value):
    store.upsert(women(["a", "b"]))
    Audience.objects.filter(id="b").update(properties={"age": ["25"], "gender": value})

    (problem,) = store.check()
    assert "distinct texts: 1, the first of them 'b'." in problem


def test_a_view_is_of_one_moment_in_a_session_that_takes_the_place_of_a_lost_one(store):
    session = fetch_one("SELECT pg_backend_pid()")[0]
    connection.close_if_unusable_or_obsolete()  # as at the begin of each request, whose first statement has it checked
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [session])
    other.close()

    with store.snapshot():
        assert fetch_one("SELECT current_setting('transaction_isolation')")[0] == "repeatable read"
        assert fetch_one("SELECT pg_backend_pid()")[0] != session
    assert fetch_one("SELECT current_setting('transaction_isolation')")[0] == "read committed"


def test_it_looks_each_id_up_where_the_planner_believes_that_hardly_anybody_is_stored(store):
    store.upsert(women(map(str, range(5_000))))
    store.erase(list(map(str, range(4_999))))
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM ANALYZE {Audience._meta.db_table}")
    store.upsert(women(map(str, range(4_999))))

    with transaction.atomic():
        execute(INCOMING)
        statement = WRITE.format(differs=DIFFERS)
        plan = fetch_all(f"EXPLAIN {statement}", {"moment": timezone.now(), "next_number": 9_999})

    # A join that compares rows, and does not look them up, has one of these.
    compared = ("Join Filter", "Hash Cond", "Merge Cond")
    assert not [line for (line,) in plan if any(word in line for word in compared)]
