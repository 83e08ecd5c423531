"""What every store promises, tried on all of them; `MemoryStore` and `evaluate` are the judges."""

from collections import Counter
from contextlib import contextmanager
from dataclasses import astuple, replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segments.border import comparable
from segments.exceptions import AudienceExists, AudienceMissing
from segments.expressions import And, AnyOf, Nobody, Not, evaluate
from segments.store import UNSENT, ProfileChange, UpsertCounts, editing, listing
from segments.store.memory import MemoryStore
from segments.store.postgres import PostgresStore
from segments.tests import strategies as some

EVERYBODY = And(())
LONG_AGO = datetime(2019, 5, 1, 12, 30, 15, 250000, tzinfo=UTC)
ODD_TEXTS = [
    "'",
    '"',
    "\\",
    "\\n",
    "%",
    "%s",
    "%%",
    "{}",
    "{a,b}",
    "NULL",
    "null",
    "\\N",
    "\t",
    "a b",
    "é",
    "서준",
    "🙂",
]
VOCABULARY = {**some.VOCABULARY, "%s": ODD_TEXTS, "quo'te\"": ODD_TEXTS, "{}\\🙂": ODD_TEXTS, "0": ["0", "1"]}
IDS = ["1", "10", "2", "A", "a", "b'\"%s\\", "é", "z", "\uffff", "🙂", "{}", "\\N", " "]

each_from_empty = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


class OrderedStore(PostgresStore):
    """Outside of a transaction, so that members are written from ids in order, which are made for each view."""

    @contextmanager
    def snapshot(self, *, lasting=False):
        editing.make()
        with super().snapshot(lasting=lasting) as view:
            yield view


@pytest.fixture(
    params=[
        MemoryStore,
        pytest.param(PostgresStore, marks=pytest.mark.django_db),
        pytest.param(OrderedStore, marks=pytest.mark.django_db(transaction=True)),
    ]
)
def store(request, monkeypatch):
    monkeypatch.setattr(editing, "AT_ONCE", 3)
    monkeypatch.setattr(listing, "FEW", 0)
    return request.param()


def emptied(store):
    store.erase([profile.id for profile in store.page(None, 10_000)])
    return store


def filled(store, *properties):
    """The store with an audience for each of these properties: u000, u001 and so on."""
    changes = [ProfileChange(f"u{index:03}", properties=each) for index, each in enumerate(properties)]
    emptied(store).upsert(changes)
    return store


def selected(store, tree, **page):
    with store.snapshot() as view:
        return list(view.ids(tree, **page))


def stored(store, audience_id):
    return store.get([audience_id])[audience_id]


def texts():
    return st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)


def alt_ids():
    numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(-1e9, 1e9) | st.sampled_from([1, 1.0, 0, 1e300])
    return st.dictionaries(texts(), st.none() | st.booleans() | numbers | texts() | st.lists(numbers), max_size=3)


def sent_properties():
    """What a change says of properties: nothing, all of them, or some, of which it empties a few."""
    whole = some.audience_properties(VOCABULARY)
    emptied = st.lists(st.sampled_from(sorted(VOCABULARY)), max_size=3).map(lambda codes: {code: [] for code in codes})
    return (
        st.just({})
        | st.fixed_dictionaries({"properties": whole})
        | st.fixed_dictionaries(
            {"properties": st.builds(lambda kept, gone: kept | gone, whole, emptied), "merges": st.just(True)}
        )
        | st.just({"merges": True})
    )


def changes():
    """Up to six changes of distinct audiences, each with some of the fields."""
    return st.lists(
        st.builds(
            lambda sent, **fields: ProfileChange(**fields, **sent),
            sent_properties(),
            id=st.sampled_from(IDS),
            id_type=st.just(UNSENT) | st.none() | texts(),
            alt_id=st.just(UNSENT) | st.none() | alt_ids(),
            created_at=st.just(UNSENT) | st.datetimes(max_value=datetime(2025, 1, 1), timezones=st.just(UTC)),
        ),
        max_size=6,
        unique_by=lambda change: change.id,
    )


def known_of(profile):
    return profile.id, profile.id_type, comparable(profile.alt_id), profile.properties


@each_from_empty
@given(st.lists(some.audience_properties(VOCABULARY), max_size=8), some.trees(VOCABULARY))
def test_it_selects_exactly_whom_the_reference_selects(store, audiences, tree):
    filled(store, *audiences)

    with store.snapshot() as view:
        expected = [f"u{index:03}" for index, properties in enumerate(audiences) if evaluate(tree, properties)]
        assert list(view.ids(tree)) == expected
        assert view.count(tree) == len(expected)


@each_from_empty
@given(st.lists(changes(), max_size=4))
def test_it_keeps_what_the_reference_keeps(store, calls):
    reference = MemoryStore()
    before = emptied(store).written()

    assert [store.upsert(call) for call in calls] == [reference.upsert(call) for call in calls]
    assert store.written().writes - before.writes == reference.written().writes
    assert [known_of(profile) for profile in store.page(None, 100)] == [
        known_of(profile) for profile in reference.page(None, 100)
    ]
    with store.snapshot() as view, reference.snapshot() as expected:
        assert view.total == expected.total
        assert [view.value_counts(code) for code in VOCABULARY] == [expected.value_counts(code) for code in VOCABULARY]
    assert store.check() == []


@each_from_empty
@given(changes(), changes())
def test_it_moves_updated_at_with_the_profile_and_never_created_at(store, first, second):
    emptied(store).upsert(first)
    before = store.get(IDS)
    store.upsert(second)
    after = store.get(IDS)

    for audience_id, profile in before.items():
        later = after[audience_id]
        assert later.created_at == profile.created_at
        assert (later.updated_at == profile.updated_at) == (known_of(later) == known_of(profile))
        assert later.updated_at >= later.created_at


@each_from_empty
@given(changes(), st.sampled_from([None, "", "10", "a", "\uffff", "🙂", "🙂🙂"]), st.integers(1, 4))
def test_it_pages_by_id_and_by_position(store, call, after, limit):
    emptied(store).upsert(call)
    everybody = sorted(change.id for change in call)
    beyond = [audience_id for audience_id in everybody if after is None or audience_id > after]

    assert [profile.id for profile in store.page(after, limit)] == beyond[:limit]
    assert [profile.id for profile in store.offset_page(limit, 2)] == everybody[limit : limit + 2]
    assert selected(store, EVERYBODY, after=after, limit=limit) == beyond[:limit]
    assert selected(store, EVERYBODY, after=after) == beyond
    with store.snapshot(lasting=True) as view:
        assert list(view.ids(EVERYBODY, after)) == beyond


def test_it_is_empty_at_first(store):
    with store.snapshot() as view:
        assert view.total == view.count(EVERYBODY) == 0
        assert list(view.ids(EVERYBODY)) == []
        assert view.value_counts("gender") == {}
    assert store.page(None, 10) == store.offset_page(0, 10) == store.check() == []
    assert store.written().writes == 0


def test_it_says_how_long_ago_something_changed(store):
    store.upsert([ProfileChange("ana")])
    first = store.written()
    store.upsert([ProfileChange("ana")])
    later = store.written()
    store.erase(["ana"])

    assert timedelta(0) <= first.ago < later.ago
    assert later.writes == first.writes
    assert store.written().writes == first.writes + 1


def test_it_gives_a_new_audience_the_defaults(store):
    assert store.upsert([ProfileChange("ana")]) == UpsertCounts(created=1)

    ana = stored(store, "ana")
    assert astuple(ana)[:4] == ("ana", "account_id", None, {})
    assert ana.created_at == ana.updated_at
    assert ana.created_at.utcoffset().total_seconds() == 0


def test_it_dates_no_change_before_the_creation(store):
    tomorrow = timezone.now() + timedelta(days=1)
    store.upsert([ProfileChange("ana", created_at=tomorrow)])
    store.upsert([ProfileChange("ana", id_type="email")])

    assert stored(store, "ana").created_at == stored(store, "ana").updated_at == tomorrow


def test_it_keeps_a_null_id_type_that_was_sent(store):
    store.upsert([ProfileChange("ana", id_type=None)])

    assert stored(store, "ana").id_type is None


def test_it_honours_created_at_on_a_new_audience_alone(store):
    store.upsert([ProfileChange("ana", created_at=LONG_AGO)])
    counts = store.upsert([ProfileChange("ana", created_at=datetime(2024, 1, 1, tzinfo=UTC))])

    assert counts == UpsertCounts(unchanged=1)
    assert stored(store, "ana").created_at == LONG_AGO
    assert stored(store, "ana").updated_at > LONG_AGO


def test_it_replaces_the_fields_that_were_sent_and_no_others(store):
    ana = ProfileChange("ana", "email", {"crm": 7}, {"gender": ["F"], "age": ["25"]}, LONG_AGO)
    store.upsert([ana])

    assert store.upsert([ProfileChange("ana", properties={"gender": ["M"]})]) == UpsertCounts(updated=1)
    assert astuple(stored(store, "ana"))[:5] == ("ana", "email", {"crm": 7}, {"gender": ["M"]}, LONG_AGO)

    store.upsert([ProfileChange("ana", alt_id=None)])
    assert astuple(stored(store, "ana"))[:4] == ("ana", "email", None, {"gender": ["M"]})

    store.upsert([ProfileChange("ana", properties={})])
    assert astuple(stored(store, "ana"))[:4] == ("ana", "email", None, {})


def test_it_merges_the_attributes_that_were_sent_and_removes_the_empty_ones(store):
    store.upsert([ProfileChange("ana", properties={"gender": ["F"], "age": ["25"], "tier": ["gold"]})])
    merged = ProfileChange("ana", properties={"age": ["26"], "tier": [], "pet": ["cat"], "car": []}, merges=True)

    assert store.upsert([merged]) == UpsertCounts(updated=1)
    assert stored(store, "ana").properties == {"gender": ["F"], "age": ["26"], "pet": ["cat"]}
    assert store.upsert([merged]) == UpsertCounts(unchanged=1)


def test_it_merges_into_nothing_what_a_new_audience_has(store):
    store.upsert([ProfileChange("ana", properties={"age": ["26"], "tier": []}, merges=True)])

    assert stored(store, "ana").properties == {"age": ["26"]}


def test_it_counts_created_updated_and_unchanged(store):
    filled(store, {"gender": ["F"]}, {"gender": ["M"]}, {"age": ["25"]})

    counts = store.upsert(
        [
            ProfileChange("u000", properties={"gender": ["F"]}),
            ProfileChange("u001", properties={"gender": ["F"]}),
            ProfileChange("u002"),
            ProfileChange("u003"),
        ]
    )

    assert counts == UpsertCounts(created=1, updated=1, unchanged=2)
    assert store.upsert([]) == UpsertCounts()


@pytest.mark.parametrize(
    ("before", "after", "counts"),
    [
        ({"a": 1}, {"a": 1.0}, UpsertCounts(unchanged=1)),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, UpsertCounts(unchanged=1)),
        ({"a": 1}, {"a": True}, UpsertCounts(updated=1)),
        ({"a": [0]}, {"a": [False]}, UpsertCounts(updated=1)),
        ({"a": None}, {}, UpsertCounts(updated=1)),
        ({}, None, UpsertCounts(updated=1)),
    ],
)
def test_it_compares_other_ids_as_json(store, before, after, counts):
    store.upsert([ProfileChange("ana", alt_id=before)])

    assert store.upsert([ProfileChange("ana", alt_id=after)]) == counts


@pytest.mark.parametrize("number", [0, -1, 2**63 - 1, 2**64 - 1, 0.5, 1e300, 1e-300])
def test_it_reads_numbers_back_as_they_came(store, number):
    store.upsert([ProfileChange("ana", alt_id={"n": number})])

    found = stored(store, "ana").alt_id["n"]
    assert (found, type(found)) == (number, type(number))


def test_it_refuses_an_id_twice_in_one_call(store):
    with pytest.raises(ValueError, match="'ana' stands twice"):
        store.upsert([ProfileChange("ana"), ProfileChange("bob"), ProfileChange("ana")])

    assert store.page(None, 10) == []


def test_it_creates_an_audience_once(store):
    created = store.create(ProfileChange("ana", properties={"gender": ["F"]}))

    assert stored(store, "ana") == created
    with pytest.raises(AudienceExists, match="The audience 'ana' exists already"):
        store.create(ProfileChange("ana", properties={"gender": ["M"]}))
    assert stored(store, "ana") == created


def test_it_updates_an_audience_that_exists(store):
    filled(store, {"gender": ["F"]})
    changed = store.update(ProfileChange("u000", alt_id={"crm": 7}))

    assert stored(store, "u000") == changed
    assert astuple(changed)[:4] == ("u000", "account_id", {"crm": 7}, {"gender": ["F"]})
    with pytest.raises(AudienceMissing):
        store.update(ProfileChange("nobody", alt_id={"crm": 7}))
    assert store.get(["nobody"]) == {}


def test_it_gets_those_that_exist(store):
    filled(store, {}, {"gender": ["F"]})

    assert set(store.get(["u001", "nobody", "u001"])) == {"u001"}
    assert store.get([]) == {}


def test_it_erases_those_that_exist(store):
    filled(store, {"gender": ["F"]}, {"gender": ["F"]}, {"gender": ["M"]})

    assert store.erase(["u001", "nobody", "u001"]) == 1
    assert store.erase(["u001"]) == store.erase([]) == 0
    assert selected(store, AnyOf("gender", ("F",))) == ["u000"]
    with store.snapshot() as view:
        assert view.total == 2


def test_it_lets_an_erased_id_come_back_as_a_new_audience(store):
    store.upsert([ProfileChange("ana", "email", {"crm": 7}, {"gender": ["F"]}, LONG_AGO)])
    store.erase(["ana"])

    assert store.upsert([ProfileChange("ana")]) == UpsertCounts(created=1)
    assert astuple(stored(store, "ana"))[:4] == ("ana", "account_id", None, {})
    assert stored(store, "ana").created_at > LONG_AGO


def test_it_orders_ids_by_code_point(store):
    store.upsert([ProfileChange(audience_id) for audience_id in IDS])

    assert selected(store, EVERYBODY) == sorted(IDS)
    assert selected(store, EVERYBODY, after="A", limit=3) == ["\\N", "a", "b'\"%s\\"]


def test_it_counts_the_audiences_of_each_value(store):
    filled(store, {"color": ["green", "red"]}, {"color": ["red"]}, {"gender": ["F"]}, {})

    with store.snapshot() as view:
        assert view.value_counts("color") == {"green": 1, "red": 2}
        assert view.value_counts("shoe size") == {}


@each_from_empty
@given(st.lists(some.audience_properties(VOCABULARY), max_size=8), some.trees(VOCABULARY), st.integers(0, 9))
def test_it_counts_and_draws_among_those_whom_a_tree_selects(store, audiences, tree, limit):
    filled(store, *audiences)
    chosen = {f"u{index:03}": each for index, each in enumerate(audiences) if evaluate(tree, each)}

    with store.snapshot() as view:
        for code in VOCABULARY:
            expected = Counter(text for properties in chosen.values() for text in properties.get(code, ()))
            labels = [(code, text) for text in (*VOCABULARY[code], "unheard of")]
            assert view.label_counts(labels, tree) == Counter({(code, text): n for text, n in expected.items()})
            everyone = {(code, text): count for text, count in view.value_counts(code).items()}
            assert view.label_counts(labels[::2]) == Counter({each: everyone.get(each, 0) for each in labels[::2]})
        drawn = view.sample(tree, limit)
    assert drawn == sorted(set(drawn))
    assert set(drawn) <= set(chosen)
    assert len(drawn) == min(limit, len(chosen))


def test_it_draws_another_sample_each_time(store):
    filled(store, *[{"gender": ["F"]}] * 200)

    with store.snapshot() as view:
        assert len({tuple(view.sample(EVERYBODY, 5)) for _time in range(10)}) > 1


def test_it_knows_which_values_are_common(store):
    filled(store, {"color": ["red"]}, {"color": ["green", "red"]}, {"color": ["blue", "green", "red"]}, {"size": ["S"]})

    with store.snapshot() as view:
        assert view.common_values(["color", "size"], 10) == {"color": ["red", "green", "blue"], "size": ["S"]}
        assert view.common_values(["color", "shoe size"], 2) == {"color": ["red", "green"], "shoe size": []}


def test_it_excludes_nobody_for_an_attribute_they_lack(store):
    filled(store, {"gender": ["F"]}, {"gender": ["F"], "region": ["south"]}, {})

    assert selected(store, Not(AnyOf("region", ("south",)))) == ["u000", "u002"]
    assert selected(store, And((AnyOf("gender", ("F",)), Not(AnyOf("region", ("south",)))))) == ["u000"]
    assert selected(store, AnyOf("gender", ())) == selected(store, Nobody()) == []


def test_it_takes_the_largest_definition(store):
    values = [tuple(f"{code:03}-{value:04}" for value in range(1_000)) for code in range(100)]
    codes = [f"code {code}" for code in range(100)]
    everything = {
        code: [listed[code_no * 10]] for code_no, (code, listed) in enumerate(zip(codes, values, strict=True))
    }
    filled(store, everything, {**everything, "code 99": ["other"]}, {**everything, "banned": ["yes"]})

    tree = And((*map(AnyOf, codes, values), Not(AnyOf("banned", ("yes", *(f"x{n}" for n in range(999)))))))
    with store.snapshot() as view:
        assert view.count(tree) == 1
        assert list(view.ids(tree)) == ["u000"]


@pytest.mark.parametrize("count", [1, 16, 17, 1_000])
def test_it_matches_lists_of_any_length(store, count):
    filled(store, {"zip": ["v0"]}, {"zip": ["other", f"v{count - 1}"]}, {"zip": [f"v{count}"]}, {})

    listed = AnyOf("zip", tuple(sorted(f"v{index}" for index in range(count))))
    assert selected(store, listed) == ["u000", "u001"]
    assert selected(store, Not(listed)) == ["u002", "u003"]


def test_it_says_when_its_view_was_taken(store):
    store.upsert([ProfileChange("ana")])
    with store.snapshot() as first:
        pass
    with store.snapshot() as second:
        pass

    assert stored(store, "ana").updated_at <= first.as_of <= second.as_of


def test_it_keeps_profiles_that_were_read_apart_from_those_it_stores(store):
    store.upsert([ProfileChange("ana", properties={"gender": ["F"]})])
    before = stored(store, "ana")
    store.upsert([ProfileChange("ana", properties={"gender": ["M"]})])

    assert before == replace(before, properties={"gender": ["F"]})
