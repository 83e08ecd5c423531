"""POST /audiences/attributes/{id}/retire: no segment selects by it any more, and none becomes larger by that."""

import pytest

from segments import lookup
from segments.models import AudienceAttribute, AudienceSegment, Change, SegmentSize
from segments.tests.conftest import OWNERS

ATTRIBUTES, SEGMENTS = "/audiences/attributes", "/audiences/segments"


@pytest.fixture(autouse=True)
def fresh():
    lookup.INDEX.state = None
    yield
    lookup.INDEX.state = None


@pytest.fixture
def region(api, people):
    """The attribute that audiences brought, Alice's now."""
    learned = AudienceAttribute.objects.get(code="region")
    return api("platform").patch(f"{ATTRIBUTES}/{learned.pk}", {"owner_id": str(OWNERS["alice"])}).json()


@pytest.fixture
def north(api, region, draft):
    """Women in the north, a segment of Alice's: one of six audiences."""
    return api("alice").post(SEGMENTS, draft(properties={"gender": ["F"], "region": ["north"]})).json()


@pytest.fixture
def souths(api, region, draft):
    """The south, a segment of Bob's: two of six audiences."""
    return api("bob").post(SEGMENTS, draft("bob", name="The south", properties={"region": "south"})).json()


def retire(api, attribute, body=None, who="alice", **headers):
    return api(who).post(f"{ATTRIBUTES}/{attribute['id']}/retire", body, **headers)


def confirmed(api, attribute, who="alice"):
    response = retire(api, attribute, {"confirm": True}, who)
    assert response.status_code == 200
    return response.json()


def asked(api, segment, who="alice"):
    return api(who).get(f"{SEGMENTS}/{segment['id']}").json()


@pytest.mark.parametrize("body", [None, {}, {"confirm": False}])
def test_it_shows_what_it_would_do_and_does_nothing(api, region, north, souths, body):
    answer = retire(api, region, body, "platform").json()

    assert (answer["attribute_id"], answer["code"], answer["confirmed"]) == (region["id"], "region", False)
    named = {"id": north["id"], "no": north["no"], "name": "Women in the north", "owner_id": str(OWNERS["alice"])}
    assert answer["segments"][0] == {**named, "size_before": 1, "size_after": 0}
    assert [(each["no"], each["size_before"]) for each in answer["segments"]] == [(north["no"], 1), (souths["no"], 2)]
    assert (answer["other_segments"], answer["as_of"][-1]) == (0, "Z")
    assert asked(api, north)["properties"] == north["properties"]
    assert not AudienceAttribute.objects.get(code="region").deprecated
    assert not Change.objects.filter(kind="segment", action="changed").exists()


def test_it_takes_the_clauses_out_in_one_go(api, region, north, souths):
    done = confirmed(api, region, "platform")

    assert done["confirmed"] is True
    assert [(each["id"], each["size_before"], each["size_after"]) for each in done["segments"]] == [
        (north["id"], 1, 0),
        (souths["id"], 2, 0),
    ]
    alices, bobs = asked(api, north), asked(api, souths, "bob")
    assert (alices["properties"], alices["deprecated_properties"]) == ({"gender": ["F"]}, {"region": ["north"]})
    assert (bobs["properties"], bobs["deprecated_properties"]) == ({}, {"region": "south"})
    assert alices["updated_at"] > north["updated_at"]
    assert api("alice").get(f"{ATTRIBUTES}/{region['id']}").json()["deprecated"] is True


def test_it_selects_nobody_and_says_why_wherever_it_is_asked(api, people, region, north, draft):
    other = api("alice").post(SEGMENTS, draft(name="Women", properties={"gender": ["F"]})).json()
    assert [found["name"] for found in people.get("/audiences/get/p1/segments").json()["segments"]] == [
        "Women in the north",
        "Women",
    ]
    confirmed(api, region)

    for shown in (asked(api, north), api("alice").get(SEGMENTS).json()[0]):
        assert (shown["approximated_size"], shown["size_source"]) == (0, "computed")
        (warning,) = shown["warnings"]
        assert (warning["pointer"], warning["code"]) == ("/deprecated_properties/region", "retired_attribute")
        assert "'region' was retired" in warning["detail"]
    assert people.get(f"{SEGMENTS}/{north['id']}/audiences").json() == []
    explained = people.get(f"{SEGMENTS}/{north['id']}/explain?audience_id=p1").json()
    assert explained["member"] is False
    verdict = {"code": "region", "excluded": False, "wanted": [], "has": ["north"], "passes": False}
    assert explained["clauses"][1] == verdict
    overlap = people.post(f"{SEGMENTS}/overlap", {"segment_ids": [north["id"], other["id"]]}).json()
    assert [segment["size"] for segment in overlap["segments"]] == [0, 3]
    assert [found["name"] for found in people.get("/audiences/get/p1/segments").json()["segments"]] == ["Women"]


def test_it_keeps_sizes_history_revision_and_audit_trail_in_the_same_breath(api, region, north):
    before = api("alice").get(f"{SEGMENTS}/{north['id']}")["ETag"]
    confirmed(api, region)

    stored = AudienceSegment.objects.get()
    assert (stored.computed_size, stored.size_revision, stored.revision) == (0, 2, 2)
    assert list(SegmentSize.objects.values_list("size", "revision")) == [(0, 2), (1, 1)]
    assert api("alice").get(f"{SEGMENTS}/{north['id']}")["ETag"] != before
    change = Change.objects.get(kind="segment", action="changed")
    assert (change.before, change.after, change.actor) == (
        {"properties": north["properties"], "deprecated_properties": {}, "retired_codes": []},
        {
            "properties": {"gender": ["F"]},
            "deprecated_properties": {"region": ["north"]},
            "retired_codes": ["region"],
        },
        "client alice",
    )
    retired = Change.objects.get(kind="attribute", action="retired")
    assert (retired.label, retired.before, retired.after) == (
        "region",
        {"deprecated": False},
        {"deprecated": True, "segments": 1},
    )


@pytest.mark.parametrize(
    "sent",
    [
        {"name": "Renamed"},
        {"description": "x", "approximated_size": 5},
        {"exclusions": {"tier": ["staff"]}},
        {"deprecated_properties": {}},
        {"management_type": "selfmanaged"},
    ],
)
def test_it_stays_so_while_nobody_says_what_the_properties_are_to_be(api, people, region, north, sent):
    confirmed(api, region)
    required = {name: north[name] for name in ("id", "management_type", "name", "owner_id")}

    for answer in (
        api("alice").patch(f"{SEGMENTS}/{north['id']}", sent).json(),
        api("alice").patch(SEGMENTS, {**required, **sent}).json(),
        asked(api, north),
    ):
        assert [warning["code"] for warning in answer["warnings"]] == ["retired_attribute"]
    assert AudienceSegment.objects.get().computed_size == 0
    assert people.get("/audiences/get/p1/segments").json()["segments"] == []


@pytest.mark.parametrize(
    ("properties", "size", "warnings"),
    [
        ({"gender": ["F"]}, 3, []),
        ({"gender": ["F"], "region": ["north"]}, 1, ["deprecated_attribute"]),
        ({}, 0, ["no_properties"]),
    ],
)
def test_it_selects_again_once_it_is_saved_with_properties(api, people, region, north, properties, size, warnings):
    confirmed(api, region)

    saved = api("alice").patch(f"{SEGMENTS}/{north['id']}", {"properties": properties}).json()

    assert saved["approximated_size"] == asked(api, north)["approximated_size"] == size
    assert [warning["code"] for warning in saved["warnings"]] == warnings
    assert len(people.get("/audiences/get/p1/segments").json()["segments"]) == (1 if size else 0)
    assert Change.objects.filter(kind="segment", action="changed").latest("id").after["retired_codes"] == []


def test_a_client_that_sends_the_whole_object_back_has_saved_it(api, region, north):
    confirmed(api, region)

    saved = api("alice").patch(SEGMENTS, {**asked(api, north), "name": "Women"}).json()

    assert (saved["approximated_size"], saved["warnings"]) == (3, [])
    assert saved["deprecated_properties"] == {"region": ["north"]}


def test_it_leaves_exclusions_in_force(api, region, draft):
    body = draft(properties={"gender": ["F"]}, exclusions={"region": ["north"]})
    made = api("alice").post(SEGMENTS, body).json()

    assert confirmed(api, region)["segments"] == []
    shown = asked(api, made)
    assert (shown["approximated_size"], shown["exclusions"]) == (2, {"region": ["north"]})
    assert [warning["code"] for warning in shown["warnings"]] == ["deprecated_attribute"]


def test_it_can_be_done_again_for_clauses_that_came_later(api, region, north):
    confirmed(api, region)
    assert confirmed(api, region)["segments"] == []
    again = {"properties": {"gender": ["F"], "region": ["north", "east"]}}
    api("alice").patch(f"{SEGMENTS}/{north['id']}", again)

    assert len(confirmed(api, region)["segments"]) == 1
    shown = asked(api, north)
    assert shown["deprecated_properties"] == {"region": ["north", "north", "east"]}
    assert [warning["code"] for warning in shown["warnings"]] == ["retired_attribute"]


@pytest.mark.parametrize(
    ("kept", "clause", "after"),
    [
        ({"other": 1}, ["north"], {"other": 1, "region": ["north"]}),
        ({"region": ["north"]}, ["north"], {"region": ["north"]}),
        ({"region": {"gte": 1}}, "north", {"region": [{"gte": 1}, "north"]}),
        ({"region": None}, [True, 1.0], {"region": [None, True, 1.0]}),
    ],
)
def test_it_loses_nothing_of_what_was_kept_before(api, region, draft, kept, clause, after):
    body = draft(properties={"region": clause}, deprecated_properties=kept)
    made = api("alice").post(SEGMENTS, body).json()
    confirmed(api, region)

    assert asked(api, made)["deprecated_properties"] == after


def test_it_finds_a_code_in_either_of_its_spellings(api, people, draft):
    people.patch("/audiences", {"id": "p1", "properties": {"caf\u00e9": "noir"}})
    cafe = {"id": str(AudienceAttribute.objects.get(code="caf\u00e9").pk)}
    made = api("alice").post(SEGMENTS, draft(properties={"caf\u00e9": ["noir"], "cafe\u0301": ["noir"]})).json()

    assert confirmed(api, cafe, "platform")["segments"][0]["size_before"] == 1
    shown = asked(api, made)
    assert (shown["properties"], len(shown["deprecated_properties"]), len(shown["warnings"])) == ({}, 2, 2)


def test_a_selfmanaged_segment_without_properties_left_has_nobody_and_not_no_size(api, region, draft):
    body = draft(properties={"region": ["north"]}, management_type="selfmanaged")
    bare = api("alice").post(SEGMENTS, body).json()
    declared = api("alice").post(SEGMENTS, {**body, "approximated_size": 7}).json()
    confirmed(api, region)

    assert (asked(api, bare)["approximated_size"], asked(api, bare)["size_source"]) == (0, "computed")
    assert (asked(api, declared)["approximated_size"], asked(api, declared)["size_source"]) == (7, "declared")
    assert AudienceSegment.objects.get(pk=declared["id"]).computed_size == 0
    saved = api("alice").patch(f"{SEGMENTS}/{bare['id']}", {"properties": {}}).json()
    assert (saved["approximated_size"], saved["size_source"]) == (None, None)


def test_it_names_no_segment_of_another_owner(api, region, north, souths):
    for answer in (retire(api, region).json(), confirmed(api, region)):
        assert [touched["id"] for touched in answer["segments"]] == [north["id"]]
        assert answer["other_segments"] == 1
    assert asked(api, souths, "bob")["approximated_size"] == 0


def test_it_leaves_those_alone_to_whom_the_code_means_nothing(api, region, north, souths):
    api("alice").patch(f"{ATTRIBUTES}/{region['id']}", {"visibility": "private"})

    assert confirmed(api, region)["other_segments"] == 0
    assert asked(api, souths, "bob")["properties"] == {"region": "south"}


def test_a_stranger_may_not(api, region):
    response = retire(api, region, {"confirm": True}, "charlie")

    assert (response.status_code, response.json()["code"]) == (403, "owner_forbidden")
    assert not AudienceAttribute.objects.get(code="region").deprecated


@pytest.mark.parametrize(
    ("body", "pointer", "code"), [({"confirm": "yes"}, "/confirm", "bool_type"), ([], "", "dict_type")]
)
def test_it_refuses_what_confirms_nothing(api, region, north, body, pointer, code):
    response = retire(api, region, body)

    assert response.status_code == 422
    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == [(pointer, code)]


def test_it_takes_a_misspelt_confirmation_for_none(api, region, north):
    assert retire(api, region, {"confrim": True}).json()["confirmed"] is False
    assert retire(api, region, {"confrim": True}, Prefer="handling=strict").status_code == 422


def test_it_takes_as_many_queries_for_many_segments_as_for_few(api, region, draft, django_assert_max_num_queries):
    bodies = [draft(name=f"{n}", properties={"region": ["north"]}) for n in range(300)]
    api("alice").post(f"{SEGMENTS}/bulk-add", bodies)

    with django_assert_max_num_queries(50):
        assert len(confirmed(api, region)["segments"]) == 300
    assert AudienceSegment.objects.filter(computed_size=0, retired_codes=["region"]).count() == 300


def test_an_attribute_that_was_retired_and_is_used_no_more_can_go(api, draft):
    body = {"code": "pet", "name": "Pet", "owner_id": str(OWNERS["alice"]), "visibility": "public"}
    pet = api("alice").post(ATTRIBUTES, body).json()
    made = api("alice").post(SEGMENTS, draft(properties={"pet": ["cat"]})).json()
    path = f"{ATTRIBUTES}/{pet['id']}"
    assert api("alice").delete(path).status_code == 409
    confirmed(api, pet)

    assert api("alice").delete(path).status_code == 204
    shown = asked(api, made)
    assert (shown["approximated_size"], [warning["code"] for warning in shown["warnings"]]) == (
        0,
        ["retired_attribute"],
    )


@pytest.mark.parametrize(
    ("row", "updated", "warnings"),
    [
        ("{id},{type},New name,{owner}", 1, ["retired_attribute"]),
        ("{id},{type},Women in the north,{owner}", 0, ["retired_attribute"]),
    ],
)
def test_an_import_without_properties_does_not_save_them(api, folder, region, north, row, updated, warnings):
    confirmed(api, region)
    line = row.format(id=north["id"], type="systemmanaged", owner=OWNERS["alice"])
    loaded = folder.load("segments", "s.csv", f"id,management_type,name,owner_id\n{line}\n")

    assert loaded.receipt["updated"] == updated
    assert [warning["code"] for warning in asked(api, north)["warnings"]] == warnings


def test_an_import_with_the_properties_that_are_left_saves_them(api, folder, region, north):
    confirmed(api, region)
    left = {name: asked(api, north)[name] for name in ("id", "management_type", "name", "owner_id", "properties")}

    assert folder.load("segments", "s.jsonl", [left]).counts == {"updated": 1}
    assert (asked(api, north)["approximated_size"], asked(api, north)["warnings"]) == (3, [])
