"""The cap of 100 attributes holds for what a merge leaves behind, in every store."""

import pytest

from segments.exceptions import TooManyCodes
from segments.store import ProfileChange, UpsertCounts
from segments.store.memory import MemoryStore
from segments.store.postgres import PostgresStore


@pytest.fixture(params=[MemoryStore, pytest.param(PostgresStore, marks=pytest.mark.django_db)])
def store(request):
    return request.param()


def columns(first, last):
    return {f"c{index:03}": ["x", "y"] for index in range(first, last)}


def change(audience_id, properties, merges=True):
    return ProfileChange(audience_id, properties=properties, merges=merges)


def codes(store, audience_id):
    return sorted(store.get([audience_id])[audience_id].properties)


def test_it_lets_no_merge_take_an_audience_past_the_cap(store):
    store.upsert([change("ana", columns(0, 60)), change("ben", columns(0, 100)), change("cho", columns(50, 90))])
    assert store.upsert([change(each, columns(50, 100)) for each in ("ana", "ben", "cho")]) == UpsertCounts(
        updated=2, unchanged=1
    )

    exchanged = {**columns(50, 90), "new": ["x"], "c049": []}
    with pytest.raises(TooManyCodes, match="more than 100 attributes: 'ana', 'cho'"):
        store.upsert(
            [
                change("ben", exchanged),
                change("cho", columns(0, 51) | {"new": ["x"]}),
                change("dan", columns(0, 100)),
                change("ana", {"new": ["x"]}),
            ]
        )
    assert codes(store, "ben") == codes(store, "ana") == sorted(columns(0, 100))
    assert "dan" not in store.get(["dan"])
    assert store.upsert([change("ben", exchanged), change("ana", {"new": ["x"]}, merges=False)]).updated == 2
    assert (len(codes(store, "ben")), codes(store, "ana")) == (100, ["new"])


def test_it_names_the_codes_of_wide_audiences(store):
    store.upsert([change("ana", columns(0, 3)), change("ben", columns(0, 4)), change("cho", columns(3, 9))])
    store.upsert([change("dan", {"many": list("abcdefgh")})])

    assert store.wide(["ana", "ben", "cho", "dan", "eva"], 4) == {
        "ben": frozenset(columns(0, 4)),
        "cho": frozenset(columns(3, 9)),
    }
