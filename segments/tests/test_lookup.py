"""Which segments an audience is in: what the reference says, at once after whatever was changed."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a2service.worker import read_definitions
from segments import lookup
from segments.expressions import evaluate
from segments.matching import clauses_of, compile_all
from segments.models import AudienceSegment, Change
from segments.store import store
from segments.tests import strategies as some
from segments.tests.conftest import OWNERS

PATH = "/audiences/segments"


@pytest.fixture(autouse=True)
def fresh():
    """Each test has a database of its own, and so an index of its own."""
    lookup.INDEX.state = None
    yield
    lookup.INDEX.state = None


@pytest.fixture
def segments_of(people):
    return lambda audience_id: [
        found["name"] for found in people.get(f"/audiences/get/{audience_id}/segments").json()["segments"]
    ]


def named(draft, name, **fields):
    return draft(name=name, **fields)


def test_it_says_which_segments_an_audience_is_in(people, draft, segments_of):
    made = people.post(f"{PATH}/bulk-add", [
        named(draft, "women", properties={"gender": "F"}),
        named(draft, "north", properties={"region": ["north", "east"]}),
        named(draft, "women in the north", properties={"gender": ["F"], "region": ["north"]}),
        named(draft, "gold, no staff", properties={"tier": ["gold"]}, exclusions={"tier": ["staff"]}),
        named(draft, "nobody"),
    ]).json()  # fmt: skip

    assert segments_of("p1") == ["women", "north", "women in the north", "gold, no staff"]
    assert segments_of("p4") == ["north"]
    answer = people.get("/audiences/get/p2/segments").json()
    assert answer["segments"] == [{"id": made[0]["id"], "no": made[0]["no"], "name": "women"}]
    assert (answer["audience_id"], answer["as_of"][-1]) == ("p2", "Z")


def test_it_says_none_of_an_audience_that_there_is_not(people, draft):
    people.post(PATH, draft(properties={"gender": ["F"]}))
    response = people.get("/audiences/get/nobody/segments")

    assert (response.status_code, response.json()["segments"]) == (200, [])


def test_it_looks_up_many_at_once_in_their_order(people, draft):
    people.post(PATH, draft(name="women", properties={"gender": ["F"]}))
    answers = people.post("/audiences/lookup", {"ids": ["p4", "p1", "x"]}).json()

    assert [answer["audience_id"] for answer in answers] == ["p4", "p1", "x"]
    assert [len(answer["segments"]) for answer in answers] == [0, 1, 0]
    assert len({answer["as_of"] for answer in answers}) == 1


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/ids", "missing"),
        ({"ids": []}, "/ids", "list_type"),
        ({"ids": "p1"}, "/ids", "list_type"),
        ({"ids": ["x"] * 101}, "/ids", "list_type"),
        ({"ids": ["p1", 5]}, "/ids/1", "string_type"),
        ({"ids": ["p1", "p2", "p1"]}, "/ids/2", "repeated_id"),
        ({"ids": ["\0"]}, "/ids/0", "null_character"),
    ],
)
def test_it_refuses_what_names_no_audiences(people, body, pointer, code):
    response = people.post("/audiences/lookup", body)

    assert response.status_code == 422
    assert (pointer, code) in {(error["pointer"], error["code"]) for error in response.json()["errors"]}


def test_it_sees_every_change_at_once(people, draft, segments_of):
    assert segments_of("p1") == []
    made = people.post(PATH, draft(name="one", properties={"gender": ["F"]})).json()
    assert segments_of("p1") == ["one"]
    people.patch(f"{PATH}/{made['id']}", {"name": "renamed"})
    assert segments_of("p1") == ["renamed"]
    people.patch(f"{PATH}/{made['id']}", {"properties": {"gender": ["M"]}})
    assert (segments_of("p1"), segments_of("p5")) == ([], ["renamed"])
    people.post("/audiences/bulk-add", [{"id": "p1", "properties": {"gender": "M"}}])
    assert segments_of("p1") == ["renamed"]
    people.delete(f"{PATH}/{made['id']}")
    assert segments_of("p5") == []


def test_it_wakes_a_segment_when_its_attribute_or_excluded_value_appears(people, draft, segments_of):
    people.post(PATH, draft(name="awaits a code", properties={"plan": ["pro"]}))
    people.post(PATH, draft(name="awaits a value", properties={"gender": ["F"]}, exclusions={"tier": ["platinum"]}))
    assert segments_of("p1") == []

    people.post("/audiences/bulk-add", [{"id": "p9", "properties": {"plan": "pro", "tier": "platinum", "gender": "F"}}])
    assert segments_of("p9") == ["awaits a code"]
    assert segments_of("p1") == ["awaits a value"]


def test_it_hides_a_segment_when_its_attribute_becomes_anothers(api, people, draft, segments_of):
    body = {"code": "own", "name": "own", "owner_id": str(OWNERS["bob"]), "visibility": "public"}
    attribute = people.post("/audiences/attributes", body).json()
    people.post("/audiences/bulk-add", [{"id": "p1", "properties": {"own": "yes"}}])
    people.post(PATH, draft(name="of alice", properties={"own": ["yes"]}))
    people.post(PATH, draft("bob", name="of bob", properties={"own": ["yes"]}))
    assert segments_of("p1") == ["of alice", "of bob"]

    people.patch(f"/audiences/attributes/{attribute['id']}", {"visibility": "private"})
    assert segments_of("p1") == ["of bob"]
    people.patch(f"/audiences/attributes/{attribute['id']}", {"visibility": "public"})
    assert segments_of("p1") == ["of alice", "of bob"]


def test_it_reads_two_spellings_of_a_code_as_two_clauses(people, draft, segments_of):
    people.post(
        "/audiences/bulk-add",
        [{"id": "p1", "properties": {"caf\u00e9": ["a"]}}, {"id": "p2", "properties": {"caf\u00e9": ["a", "b"]}}],
    )
    people.post(PATH, draft(name="both", properties={"caf\u00e9": ["a"], "cafe\u0301": ["b"]}))

    assert (segments_of("p1"), segments_of("p2")) == ([], ["both"])


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(some.definitions(some.VOCABULARY), min_size=1, max_size=6),
    st.lists(some.audience_properties(some.VOCABULARY), min_size=1, max_size=5),
    st.data(),
)
def test_it_says_what_the_reference_says(people, draft, definitions, audiences, data):
    AudienceSegment.objects.all().delete()
    lookup.INDEX.state = None
    rows = [{"id": f"u{index}", "properties": properties} for index, properties in enumerate(audiences)]
    bodies = [draft(properties=included, exclusions=excluded) for included, excluded in definitions]
    split = data.draw(st.integers(0, len(bodies)))
    people.post(f"{PATH}/bulk-add", bodies[:split])
    lookup.INDEX.state, _found = lookup.caught_up(None, [])
    people.post("/audiences/bulk-add", rows)
    people.post(f"{PATH}/bulk-add", bodies[split:])

    segments = list(AudienceSegment.objects.order_by("no"))
    trees = [one.tree for one in compile_all([clauses_of(segment) for segment in segments])]
    for answer in people.post("/audiences/lookup", {"ids": [row["id"] for row in rows]}).json():
        properties = store().get([answer["audience_id"]])[answer["audience_id"]].properties
        expected = [segment.no for segment, tree in zip(segments, trees, strict=True) if evaluate(tree, properties)]
        assert [found["no"] for found in answer["segments"]] == expected


@pytest.mark.django_db(transaction=True)
def test_it_needs_two_queries_and_notices_what_others_commit(people, draft):
    made = people.post(PATH, draft(name="women", properties={"gender": ["F"]})).json()
    path = "/audiences/get/p1/segments"
    assert len(people.get(path).json()["segments"]) == 1

    with CaptureQueriesContext(connection) as seen:
        assert len(people.get(path).json()["segments"]) == 1
    assert len(seen) == 2
    people.patch(f"{PATH}/{made['id']}", {"properties": {"gender": ["M"]}})
    assert people.get(path).json()["segments"] == []
    with CaptureQueriesContext(connection) as seen:
        people.get(path)
    assert len(seen) == 2


@pytest.mark.django_db(transaction=True)
def test_what_came_by_a_dump_from_a_busier_server_is_no_news_each_time(people, draft, segments_of):
    for n in range(5):
        people.post(PATH, draft(name=f"{n}", properties={"gender": ["F"]}))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE segments_change SET xid = (xid::text::bigint + 1000000000)::text::xid8")
    assert len(segments_of("p1")) == 5

    people.post(PATH, draft(name="new", properties={"gender": ["F"]}))
    assert lookup.read(["p1"], lookup.INDEX.state).segments.keys() == {Change.objects.latest("id").pk}
    assert segments_of("p1")[-1] == "new"


@pytest.mark.django_db(transaction=True)
def test_it_makes_its_index_anew_when_much_lies_over_it(people, draft, monkeypatch):
    monkeypatch.setattr(lookup, "MOST_LAID_OVER", 3)
    people.get("/audiences/get/p1/segments")
    people.post(f"{PATH}/bulk-add", [draft(name=f"{n}", properties={"gender": ["F"]}) for n in range(5)])
    assert len(people.get("/audiences/get/p1/segments").json()["segments"]) == 5
    state = lookup.INDEX.state
    assert state is not None
    lookup.INDEX.freeze(state)

    now = lookup.INDEX.state
    assert (len(now.index.segments), now.changed) == (5, frozenset())
    assert len(people.get("/audiences/get/p1/segments").json()["segments"]) == 5


@pytest.mark.django_db(transaction=True)
def test_what_changes_while_the_index_is_made_anew_lies_over_the_new_one(people, draft, segments_of):
    made = [people.post(PATH, draft(name=f"{n}", properties={"gender": ["F"]})).json()["id"] for n in range(4)]
    assert segments_of("p1") == ["0", "1", "2", "3"]
    people.patch(f"{PATH}/{made[0]}", {"name": "renamed"})
    assert segments_of("p1") == ["renamed", "1", "2", "3"]
    before = lookup.INDEX.state
    people.patch(f"{PATH}/{made[1]}", {"properties": {"gender": ["M"]}})
    people.delete(f"{PATH}/{made[2]}")
    assert segments_of("p1") == ["renamed", "3"]

    lookup.INDEX.freeze(before)

    assert lookup.INDEX.state.index is not before.index
    assert (segments_of("p1"), segments_of("p4")) == (["renamed", "3"], ["1"])


def test_it_explains_clause_by_clause(people, draft):
    body = draft(properties={"gender": ["F"], "region": ["north", "moon"]}, exclusions={"tier": ["staff"]})
    made = people.post(PATH, body).json()

    answer = people.get(f"{PATH}/{made['id']}/explain?audience_id=p4").json()
    assert answer["member"] is False
    assert answer["clauses"] == [
        {"code": "gender", "excluded": False, "wanted": ["F"], "has": ["M"], "passes": False},
        {"code": "region", "excluded": False, "wanted": ["north"], "has": ["north"], "passes": True},
        {"code": "tier", "excluded": True, "wanted": ["staff"], "has": ["gold", "staff"], "passes": False},
    ]
    assert [warning["code"] for warning in answer["warnings"]] == ["unknown_value"]
    assert people.get(f"{PATH}/{made['id']}/explain?audience_id=p1").json()["member"] is True
    assert people.get(f"{PATH}/{made['id']}/explain?audience_id=x").status_code == 404
    assert people.get(f"{PATH}/{made['id']}/explain").status_code == 422


def test_it_says_how_much_of_each_other_segments_are(people, draft):
    wanted = [{"gender": ["F"]}, {"region": ["north"]}, {"gender": ["X"]}]
    made = [people.post(PATH, draft(properties=properties)).json()["id"] for properties in wanted]

    answer = people.post(f"{PATH}/overlap", {"segment_ids": made}).json()
    assert [segment["size"] for segment in answer["segments"]] == [3, 2, 0]
    assert [(pair["intersection"], pair["union"], pair["jaccard"]) for pair in answer["pairs"]] == [
        (1, 4, 0.25),
        (0, 3, 0.0),
        (0, 2, 0.0),
    ]
    for ids in ([made[0]], made[:1] * 2, made[:1] * 21, ["x", made[0]]):
        assert people.post(f"{PATH}/overlap", {"segment_ids": ids}).status_code == 422


@pytest.mark.django_db(transaction=True)
def test_a_worker_reads_the_definitions_before_it_is_asked(people, draft):
    people.post(PATH, draft(name="women", properties={"gender": "F"}))
    assert lookup.INDEX.state is None
    read_definitions()

    assert [entry.segment.name for entry in lookup.INDEX.state.entries.values()] == ["women"]
