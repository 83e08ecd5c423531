"""Renaming and merging values: at once the old text is the new value, everywhere, and what stands is rewritten."""

import pytest
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob

from segments import lookup, renaming, settling, tasks
from segments.models import Audience, AudienceAttribute, AudienceAttributeValue, AudienceSegment, Change, SegmentSize
from segments.renaming import Asked
from segments.store import store, upkeep
from segments.tests.conftest import OWNERS, TESTS

ATTRIBUTES, SEGMENTS = "/audiences/attributes", "/audiences/segments"


@pytest.fixture(autouse=True)
def fresh():
    lookup.INDEX.state = None
    yield
    lookup.INDEX.state = None


@pytest.fixture
def tier(api, people):
    """The attribute tier, Alice's; 2 of 6 audiences are gold, 2 silver, 1 bronze, and one of the gold ones is staff."""
    learned = AudienceAttribute.objects.get(code="tier")
    return api("platform").patch(f"{ATTRIBUTES}/{learned.pk}", {"owner_id": str(OWNERS["alice"])}).json()


@pytest.fixture
def segments(api, tier, draft):
    """Segments of gold, of silver, and of those who are not gold."""
    bodies = [
        draft(name="gold", properties={"tier": [" gold", "staff"]}),
        draft(name="silver", properties={"tier": "silver"}),
        draft(name="not gold", properties={"gender": ["F"]}, exclusions={"tier": ["gold"]}),
        draft(name="north", properties={"region": ["north"]}),
    ]
    return api("alice").post(f"{SEGMENTS}/bulk-add", bodies).json()


def rename(api, tier, who="alice", **body):
    return api(who).post(f"{ATTRIBUTES}/{tier['id']}/rename-value", body)


def merge(api, tier, who="alice", **body):
    return api(who).post(f"{ATTRIBUTES}/{tier['id']}/merge-value", body)


def switch(tier, value, into, merges=False):
    """The renaming alone, as a process leaves it that is killed right after; nothing is rewritten."""
    renaming.switch(Asked(AudienceAttribute.objects.get(pk=tier["id"]).pk, value, into, merges), TESTS)


def sizes(api, who="alice"):
    listed = api(who).get(SEGMENTS).json()
    return {each["name"]: api(who).get(f"{SEGMENTS}/{each['id']}").json()["approximated_size"] for each in listed}


def texts():
    return {each.id: each.properties["tier"] for each in Audience.objects.all() if "tier" in each.properties}


def values(api, tier):
    listed = api("alice").get(f"{ATTRIBUTES}/{tier['id']}/values").json()
    return {each["value"]: (each["audience_count"], each["aliases"]) for each in listed}


def test_it_shows_what_renaming_would_do_and_does_nothing(api, tier, segments):
    answer = rename(api, tier, value="gold", to="Gold").json()

    assert (answer["value"], answer["into"], answer["confirmed"]) == ("gold", "Gold", False)
    assert (answer["audiences"], answer["audiences_left"], answer["other_segments"]) == (2, 2, 0)
    assert [(each["name"], each["size_before"], each["size_after"]) for each in answer["segments"]] == [
        ("gold", 2, 2),
        ("not gold", 2, 2),
    ]
    assert not AudienceAttributeValue.objects.filter(alias_of__isnull=False).exists()
    assert AudienceSegment.objects.get(name="gold").properties == {"tier": [" gold", "staff"]}


def test_it_renames_audiences_segments_and_the_value(api, tier, segments):
    before = sizes(api)
    answer = rename(api, tier, value="gold", to="Gold", confirm=True).json()

    assert (answer["confirmed"], answer["audiences"], answer["audiences_left"]) == (True, 2, 0)
    assert texts()["p1"] == ["Gold"]
    assert texts()["p4"] == ["Gold", "staff"]
    stored = {each.name: each for each in AudienceSegment.objects.all()}
    assert stored["gold"].properties == {"tier": ["Gold", "staff"]}
    assert stored["not gold"].exclusions == {"tier": ["Gold"]}
    assert (stored["gold"].revision, stored["gold"].size_revision, stored["silver"].revision) == (2, 2, 1)
    assert sizes(api) == before
    assert values(api, tier)["Gold"] == (2, ["gold"])
    assert "gold" not in values(api, tier)
    change = Change.objects.get(action="renamed")
    assert (change.label, change.before, change.after) == ("tier", {"value": "gold"}, {"value": "Gold"})
    assert Change.objects.filter(kind="segment", action="changed", actor="client alice").count() == 2


def test_it_merges_and_tells_the_sizes_before_and_after(api, tier, segments):
    for answer in (
        merge(api, tier, value="gold", into="silver").json(),
        merge(api, tier, value="gold", into="silver", confirm=True).json(),
    ):
        assert [(each["name"], each["size_before"], each["size_after"]) for each in answer["segments"]] == [
            ("gold", 2, 4),
            ("silver", 2, 4),
            ("not gold", 2, 1),
        ]
    assert sizes(api) == {"gold": 4, "silver": 4, "not gold": 1, "north": 2}
    stored = {each.name: each.computed_size for each in AudienceSegment.objects.all()}
    assert stored == {"gold": 4, "silver": 4, "not gold": 1, "north": 2}
    assert SegmentSize.objects.filter(segment__name="silver").count() == 2
    assert values(api, tier)["silver"] == (4, ["gold"])
    assert texts()["p4"] == ["silver", "staff"]


@pytest.mark.django_db(transaction=True)
def test_an_audience_with_both_has_the_one_once(api, people, tier):
    people.patch("/audiences", {"id": "p1", "properties": {"tier": ["gold", "silver", "staff"]}})
    merge(api, tier, value="gold", into="silver", confirm=True)

    assert texts()["p1"] == ["silver", "staff"]
    assert values(api, tier)["silver"][0] == 4
    assert list(upkeep.differences()) == []
    assert store().check() == []


@pytest.mark.parametrize("merges", [False, True])
def test_every_answer_is_right_before_anything_is_rewritten(api, people, tier, segments, draft, merges):
    people.get("/audiences/get/p1/segments")
    expected = {"gold": 4, "silver": 4, "not gold": 1, "north": 2} if merges else sizes(api)
    into = "silver" if merges else "Gold"
    switch(tier, "gold", into, merges)

    assert texts()["p1"] == ["gold"]
    assert sizes(api) == expected
    assert values(api, tier)[into] == (4 if merges else 2, ["gold"])
    found = {each["name"] for each in people.get("/audiences/get/p1/segments").json()["segments"]}
    assert found == ({"gold", "silver", "north"} if merges else {"gold", "north"})
    for text in ("gold", into):
        made = api("alice").post(SEGMENTS, draft(properties={"tier": [text]})).json()
        assert made["approximated_size"] == (4 if merges else 2)
        assert made["properties"] == {"tier": [text]}
        assert [warning["code"] for warning in made["warnings"]] == (["renamed_value"] if text == "gold" else [])
        members = people.get(f"{SEGMENTS}/{made['id']}/audiences").json()
        assert members == (["p1", "p2", "p4", "p5"] if merges else ["p1", "p4"])
        explained = people.get(f"{SEGMENTS}/{made['id']}/explain?audience_id=p1").json()
        assert (explained["member"], explained["clauses"][0]["wanted"]) == (True, [into])


def test_who_was_killed_on_the_way_is_followed_by_the_same_request(api, people, tier, segments, monkeypatch):
    monkeypatch.setattr(settling, "AUDIENCES", 1)
    people.post("/audiences/bulk-add", [{"id": f"g{n}", "properties": {"tier": "gold"}} for n in range(5)])
    switch(tier, "gold", "Gold")
    attribute = AudienceAttribute.objects.get(code="tier")
    rewriting = settling.rewrite_text(attribute, "gold")
    assert (next(rewriting), next(rewriting)) == (1, 1)
    assert sizes(api)["gold"] == 7

    left = rename(api, tier, value="gold", to="Gold").json()
    assert (left["audiences"], [each["name"] for each in left["segments"]]) == (5, ["gold", "not gold"])
    done = rename(api, tier, value="gold", to="Gold", confirm=True).json()
    assert (done["audiences"], done["audiences_left"]) == (5, 0)
    assert not Audience.objects.filter(properties__tier__contains="gold").exists()
    assert AudienceSegment.objects.get(name="gold").properties == {"tier": ["Gold", "staff"]}
    assert Change.objects.filter(action="renamed").count() == 1


@pytest.mark.parametrize("way", ["post", "patch", "bulk", "file"])
def test_the_old_text_lands_as_the_new_value_whatever_way_it_comes(api, people, folder, tier, way):
    rename(api, tier, value="gold", to="Gold", confirm=True)
    row = {"id": "n1", "properties": {"tier": ["gold", "Gold", "bronze"]}}
    if way == "patch":
        people.post("/audiences", {"id": "n1"})
    if way == "file":
        assert folder.load("audiences", "a.csv", "id,tier\nn1,gold|Gold|bronze\np1,gold\n").counts == {
            "created": 1,
            "unchanged": 1,
        }
    else:
        call = {"post": people.post, "patch": people.patch, "bulk": people.post}[way]
        assert call("/audiences/bulk-add" if way == "bulk" else "/audiences", [row] if way == "bulk" else row)

    assert texts()["n1"] == ["Gold", "bronze"]
    assert not AudienceAttributeValue.objects.current().filter(value="gold").exists()


def test_it_can_be_taken_back(api, people, tier, segments):
    before = sizes(api)
    rename(api, tier, value="gold", to="Gold", confirm=True)
    assert rename(api, tier, value="Gold", to="gold", confirm=True).status_code == 200

    assert values(api, tier)["gold"] == (2, ["Gold"])
    assert (texts()["p1"], sizes(api)) == (["gold"], before)


def test_it_counts_whom_nobody_has_rewritten_when_it_is_taken_back(api, people, tier):
    switch(tier, "gold", "Gold")

    assert rename(api, tier, value="Gold", to="gold").json()["audiences"] == 2


def test_aliases_follow_when_their_value_is_merged_in_its_turn(api, people, tier, segments, draft):
    rename(api, tier, value="gold", to="Gold", confirm=True)
    api("alice").post(SEGMENTS, draft(name="as before", properties={"tier": ["gold"]}))
    told = merge(api, tier, value="Gold", into="silver", confirm=True).json()["segments"]
    assert {each["name"]: (each["size_before"], each["size_after"]) for each in told} == {
        "gold": (2, 4),
        "silver": (2, 4),
        "not gold": (2, 1),
        "as before": (2, 4),
    }

    assert values(api, tier)["silver"] == (4, ["Gold", "gold"])
    people.post("/audiences/bulk-add", [{"id": "n1", "properties": {"tier": "gold"}}])
    assert (texts()["n1"], sizes(api)["gold"]) == (["silver"], 5)


@pytest.mark.parametrize(
    ("call", "body", "status", "code"),
    [
        (rename, {"value": "platinum", "to": "x"}, 404, "not_found"),
        (rename, {"value": "gold", "to": "silver"}, 409, "value_exists"),
        (rename, {"value": "gold", "to": "gold "}, 422, "same_value"),
        (rename, {"value": "gold", "to": " "}, 422, "blank"),
        (rename, {"value": "gold"}, 422, "missing"),
        (rename, {"value": "old", "to": "gold"}, 409, "value_renamed"),
        (rename, {"value": "gold", "to": "old"}, 409, "value_renamed"),
        (merge, {"value": "gold", "into": "platinum"}, 422, "unknown_value"),
        (merge, {"value": "gold", "into": "gold"}, 422, "same_value"),
        (merge, {"value": "gold", "into": "old"}, 409, "value_renamed"),
        (merge, {"value": "gold", "to": "silver"}, 422, "missing"),
    ],
)
@pytest.mark.parametrize("confirm", [False, True])
def test_it_refuses_what_cannot_be_renamed_so(api, tier, segments, call, body, status, code, confirm):
    merge(api, tier, value="bronze", into="silver", confirm=True)
    rename(api, tier, value="staff", to="old", confirm=True)
    rename(api, tier, value="old", to="team", confirm=True)
    response = call(api, tier, **body, confirm=confirm)

    assert response.status_code == status
    found = response.json()
    assert code in [found["code"], *(error["code"] for error in found.get("errors", ()))]
    assert "gold" in values(api, tier)


def test_an_older_text_is_no_new_value_until_it_is_deleted(api, people, tier, draft):
    rename(api, tier, value="gold", to="Gold", confirm=True)
    path = f"{ATTRIBUTES}/{tier['id']}/values"
    taken = api("alice").post(path, {"value": "gold"})
    assert (taken.status_code, taken.json()["code"]) == (409, "value_renamed")
    made = api("alice").post(SEGMENTS, draft(properties={"tier": ["gold"]})).json()
    assert api("alice").delete(f"{path}/gold").status_code == 409
    api("alice").delete(f"{SEGMENTS}/{made['id']}")

    assert api("alice").delete(f"{path}/gold").status_code == 204
    people.post("/audiences/bulk-add", [{"id": "n1", "properties": {"tier": "gold"}}])
    assert (values(api, tier)["gold"], values(api, tier)["Gold"]) == ((1, []), (2, []))


def test_many_audiences_are_left_to_a_worker_where_one_runs(api, people, tier, segments, monkeypatch):
    monkeypatch.setattr(renaming, "AT_ONCE", 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT procrastinate_register_worker_v1()")
    before = sizes(api)
    answer = rename(api, tier, value="gold", to="Gold", confirm=True).json()

    assert (answer["audiences"], answer["audiences_left"], texts()["p1"], sizes(api)) == (2, 2, ["gold"], before)
    job = ProcrastinateJob.objects.get(task_name="segments.tasks.settle_values")
    tasks.settle_values(**job.args)
    assert (texts()["p1"], sizes(api)) == (["Gold"], before)
    tasks.settle_values(attribute_id=str(OWNERS["alice"]))


@pytest.mark.parametrize(("merges", "is_settled"), [(False, True), (True, False)])
def test_exclusions_on_a_private_attribute_leave_out_by_older_texts(api, people, tier, draft, merges, is_settled):
    """It is Alice's; Bob may not use it, so that he reaches nobody as long as it is private."""
    visibility = f"{ATTRIBUTES}/{tier['id']}"
    api("alice").patch(visibility, {"visibility": "private"})

    def exclude(who):
        body = draft(who, name=who, properties={"gender": ["F"]}, exclusions={"tier": ["gold"]})
        return api(who).post(SEGMENTS, body).json()

    def check(made, members):
        path = f"{SEGMENTS}/{made['id']}"
        assert people.get(path).json()["approximated_size"] == len(members)
        assert people.get(f"{path}/audiences").json() == members
        for each in ("p1", "p2", "p3"):
            found = {one["id"] for one in people.get(f"/audiences/get/{each}/segments").json()["segments"]}
            assert (made["id"] in found) == (each in members)
            assert people.get(f"{path}/explain?audience_id={each}").json()["member"] == (each in members)

    into, left = ("silver", ["p3"]) if merges else ("Gold", ["p2", "p3"])
    alices, bobs = exclude("alice"), exclude("bob")
    check(alices, ["p2", "p3"])
    switch(tier, "gold", into, merges)
    if is_settled:
        tasks.settle_values(attribute_id=tier["id"])

    check(alices, left)
    check(exclude("alice"), left)
    check(bobs, [])
    check(exclude("bob"), [])
    assert AudienceSegment.objects.get(pk=bobs["id"]).exclusions == {"tier": ["gold"]}
    api("alice").patch(visibility, {"visibility": "public"})
    check(bobs, left)
    tasks.settle_values(attribute_id=tier["id"])
    check(bobs, left)
    assert AudienceSegment.objects.get(pk=bobs["id"]).exclusions == {"tier": [into]}


def test_where_no_worker_runs_each_request_rewrites_some(api, people, tier, segments, monkeypatch):
    monkeypatch.setattr(renaming, "AT_ONCE", 2)
    monkeypatch.setattr(settling, "AUDIENCES", 1)
    people.post("/audiences/bulk-add", [{"id": f"g{n}", "properties": {"tier": "gold"}} for n in range(3)])
    before = sizes(api)

    told = []
    for _again in range(4):
        answer = rename(api, tier, value="gold", to="Gold", confirm=True).json()
        told.append((answer["audiences"], answer["audiences_left"]))
        assert sizes(api) == before
    assert told == [(5, 3), (3, 1), (1, 0), (0, 0)]
    assert Change.objects.filter(action="renamed").count() == 1


def test_it_names_no_segment_of_another_owner(api, tier, segments, draft):
    api("bob").post(SEGMENTS, draft("bob", properties={"tier": ["gold"]}))

    assert merge(api, tier, value="gold", into="silver").json()["other_segments"] == 1
    assert merge(api, tier, "charlie", value="gold", into="silver").status_code == 403
