"""/audiences/attributes and /audiences/attributes/{id}: changing and deleting what is there."""

import uuid

import pytest

from segments.models import AudienceAttribute, AudienceAttributeValue, AudienceSegment, Change, SegmentSize
from segments.tests.conftest import OWNERS

PATH = "/audiences/attributes"
SEGMENTS = "/audiences/segments"


def body(owner="alice", **fields):
    return {"code": "pet", "name": "Pet", "owner_id": str(OWNERS[owner]), "visibility": "public", **fields}


def path(attribute):
    return f"{PATH}/{attribute['id']}"


def without_dates(answer):
    return {name: value for name, value in answer.items() if name not in {"updated_at", "size_as_of"}}


@pytest.fixture
def pet(api):
    """Alice's public attribute."""
    return api("alice").post(PATH, body(description="Cat or dog")).json()


@pytest.fixture
def segments(api, people, pet, draft):
    """A segment of cat keepers for Alice and for Bob; one audience of six has a cat."""
    people.patch("/audiences", {"id": "p1", "properties": {"pet": "cat"}})
    return {
        owner: api(owner).post(SEGMENTS, draft(owner, properties={"pet": ["cat"]})).json() for owner in ("alice", "bob")
    }


def test_it_changes_the_attribute_whose_id_is_in_the_body(api, pet):
    sent = {**body(name="Pets", visibility="private"), "id": pet["id"]}

    changed = api("alice").patch(PATH, sent).json()

    assert without_dates(changed) == {**without_dates(pet), "name": "Pets", "visibility": "private"}
    assert changed["updated_at"] > pet["updated_at"]
    assert api("alice").get(path(pet)).json() == changed


@pytest.mark.parametrize("missing", ["id", "code", "name", "owner_id", "visibility"])
def test_it_wants_all_that_a2_requires_in_the_body(api, pet, missing):
    sent = {**body(), "id": pet["id"]}
    del sent[missing]

    response = api("alice").patch(PATH, sent)

    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, f"/{missing}")


@pytest.mark.parametrize(
    "fields", [{"name": "Pets"}, {"deprecated": True}, {"description": None}, {"visibility": "private"}]
)
def test_it_changes_the_fields_that_are_sent_and_no_others(api, pet, fields):
    changed = api("alice").patch(path(pet), fields).json()

    assert without_dates(changed) == {**without_dates(pet), **fields}
    (name, value) = next(iter(fields.items()))
    recorded = Change.objects.get(kind="attribute", action="changed")
    assert (recorded.before, recorded.after) == ({name: pet[name]}, {name: value})
    assert (recorded.actor, recorded.label) == ("client alice", "pet")


def test_it_takes_back_what_it_answered_and_changes_nothing(api, pet):
    assert api("alice").patch(path(pet), pet).json() == pet
    assert api("alice").patch(PATH, pet).json() == pet
    assert api("alice").patch(path(pet), {"created_at": "2020-01-01T00:00:00Z", "updated_at": None}).json() == pet
    assert not Change.objects.filter(kind="attribute", action="changed").exists()


@pytest.mark.parametrize("code", ["pets", "Pet"])
def test_its_code_never_changes(api, pet, code):
    by_path = api("alice").patch(path(pet), {"code": code, "name": "Pets"})
    in_body = api("alice").patch(PATH, {**body(code=code, name="Pets"), "id": pet["id"]})

    for response in (by_path, in_body):
        assert response.status_code == 422
        (fault,) = response.json()["errors"]
        assert (fault["pointer"], fault["code"]) == ("/code", "code_never_changes")
    assert AudienceAttribute.objects.get().name == "Pet"


def test_it_refuses_a_field_that_there_is_not_when_asked_to_be_strict(api, pet):
    response = api("alice").patch(path(pet), {"nmae": "Pets"}, Prefer="handling=strict")

    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == [("/nmae", "unknown_field")]


def test_a_stranger_reads_a_public_one_and_changes_nothing(api, pet):
    charlie = api("charlie")

    assert charlie.get(path(pet)).json() == pet
    in_body = {**body("charlie"), "id": pet["id"]}
    for answer in (charlie.patch(path(pet), {"name": "x"}), charlie.patch(PATH, in_body), charlie.delete(path(pet))):
        assert (answer.status_code, answer.json()["code"]) == (403, "owner_forbidden")
    assert AudienceAttribute.objects.get().name == "Pet"


def test_it_hides_a_private_one_from_strangers(api, pet):
    api("alice").patch(path(pet), {"visibility": "private"})
    charlie = api("charlie")
    unknown = {**charlie.get(f"{PATH}/{uuid.uuid4()}").json(), "request_id": ""}

    in_body = {**body("charlie"), "id": pet["id"]}
    for answer in (
        charlie.get(path(pet)),
        charlie.patch(path(pet), {"name": "x"}),
        charlie.patch(PATH, in_body),
        charlie.delete(path(pet)),
    ):
        assert answer.status_code == 404
        assert {**answer.json(), "request_id": ""} == unknown


def test_it_goes_to_no_owner_that_is_not_the_clients(api, pet):
    response = api("alice").patch(path(pet), {"owner_id": str(OWNERS["bob"])})

    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (403, "/owner_id")
    moved = api("platform").patch(path(pet), {"owner_id": str(OWNERS["bob"])}).json()
    assert moved["owner_id"] == str(OWNERS["bob"])


def test_it_looks_unknown_to_others_once_it_is_private(api, segments, pet, draft):
    assert {segment["approximated_size"] for segment in segments.values()} == {1}
    unknown = api("bob").post(SEGMENTS, draft("bob", properties={"pat": ["cat"]})).json()
    api("alice").patch(path(pet), {"visibility": "private"})

    (listed, _other) = api("bob").get(SEGMENTS).json()
    asked = api("bob").get(f"{SEGMENTS}/{segments['bob']['id']}").json()

    for shown in (listed, asked):
        assert (shown["approximated_size"], shown["size_source"]) == (0, "computed")
        assert shown["size_as_of"] > segments["bob"]["size_as_of"]
        assert str(shown["warnings"]) == str(unknown["warnings"]).replace("pat", "pet")
    assert list(SegmentSize.objects.filter(segment=asked["id"]).values_list("size", flat=True)) == [0, 1]
    assert api("alice").get(SEGMENTS).json()[0]["approximated_size"] == 1


def test_it_comes_back_to_others_once_it_is_public_again(api, segments, pet):
    for visibility in ("private", "public"):
        api("alice").patch(path(pet), {"visibility": visibility})

    assert api("bob").get(f"{SEGMENTS}/{segments['bob']['id']}").json()["approximated_size"] == 1


def test_it_is_lost_to_its_former_owner_when_it_is_private(api, segments, pet):
    api("alice").patch(path(pet), {"visibility": "private"})
    api("platform").patch(path(pet), {"owner_id": str(OWNERS["bob"])})

    sizes = {segment.owner.name: segment.computed_size for segment in AudienceSegment.objects.all()}
    assert sizes == {"Alice": 0, "Bob": 0}
    assert api("bob").get(f"{SEGMENTS}/{segments['bob']['id']}").json()["approximated_size"] == 1
    assert api("alice").get(path(pet)).status_code == 404


def test_it_deletes_one_that_nobody_uses_and_remembers_it(api, pet):
    AudienceAttributeValue.objects.create(attribute_id=pet["id"], value="cat")

    assert (api("alice").delete(path(pet)).status_code, api("alice").delete(path(pet)).status_code) == (204, 404)
    assert not AudienceAttributeValue.objects.exists()
    gone = Change.objects.get(action="deleted")
    assert (gone.object_id, gone.before["description"], gone.label) == (pet["id"], "Cat or dog", "pet")
    assert api("bob").post(PATH, body("bob")).status_code == 200


def test_it_keeps_one_that_is_used_and_says_by_how_many(api, segments, pet):
    response = api("alice").delete(path(pet))

    assert (response.status_code, response.json()["code"]) == (409, "attribute_in_use")
    assert "'pet' is in use by segments: 2, audiences: 1." in response.json()["detail"]
    assert AudienceAttributeValue.objects.filter(attribute=pet["id"]).exists()


@pytest.mark.parametrize(
    ("definition", "used"),
    [
        ({"properties": {"pet": ["snake"]}}, True),
        ({"properties": {}, "exclusions": {"pet": []}}, True),
        ({"properties": {"pets": ["cat"], "Pet": ["cat"]}}, False),
        ({"deprecated_properties": {"pet": ["cat"]}}, False),
    ],
)
def test_a_clause_uses_it_whatever_it_lists(api, pet, draft, definition, used):
    api("bob").post(SEGMENTS, draft("bob", **definition))

    assert api("alice").delete(path(pet)).status_code == (409 if used else 204)


@pytest.mark.parametrize("form", ["caf\u00e9", "cafe\u0301"])
def test_a_clause_uses_it_in_either_form_of_its_code(api, draft, form):
    cafe = api("alice").post(PATH, body(code="caf\u00e9")).json()
    api("bob").post(SEGMENTS, draft("bob", properties={form: ["noir"]}))

    assert api("alice").delete(path(cafe)).status_code == 409


def test_a_stranger_cannot_hold_on_to_a_private_one(api, pet, draft):
    api("charlie").post(SEGMENTS, draft("charlie", properties={"pet": ["cat"]}))
    api("alice").patch(path(pet), {"visibility": "private"})

    assert api("alice").delete(path(pet)).status_code == 204


def test_it_adds_many_in_the_order_given(api):
    codes = [f"code {index}" for index in range(30, 0, -1)]

    made = api("alice").post(f"{PATH}/bulk-add", [body(code=code) for code in codes]).json()

    assert [attribute["code"] for attribute in made] == codes
    assert [attribute["no"] for attribute in made] == sorted(attribute["no"] for attribute in made)
    assert api("alice").get(PATH).json() == made
    assert Change.objects.filter(kind="attribute", action="created").count() == 30


@pytest.mark.parametrize(
    ("item", "status", "pointer", "code"),
    [
        (body(code="ok"), 422, "/2/code", "repeated_code"),
        (body(code="o\u212a", name=""), 422, "/2/name", "blank"),
        (body(code="\u212a"), 422, "/2/code", "repeated_code"),
        (body("bob"), 403, "/2/owner_id", "owner_forbidden"),
        (body(code="taken"), 409, None, "code_taken"),
    ],
)
def test_it_adds_all_or_none(api, item, status, pointer, code):
    api("bob").post(PATH, body("bob", code="taken", visibility="private"))
    response = api("alice").post(f"{PATH}/bulk-add", [body(code="ok"), body(code="K"), item])

    problem = response.json()
    assert response.status_code == status
    assert [(error["pointer"], error["code"]) for error in problem.get("errors", ())] == (
        [(pointer, code)] if pointer else []
    )
    assert problem["code"] == {422: "invalid", 403: "owner_forbidden", 409: "code_taken"}[status]
    assert AudienceAttribute.objects.get().code == "taken"


@pytest.mark.parametrize(("raw", "status"), [(b"[]", 200), (b"{}", 422), (b"null", 422), (b"[1]", 422)])
def test_it_takes_an_array_in_bulk_and_nothing_else(api, raw, status):
    assert api("alice").send("POST", f"{PATH}/bulk-add", raw=raw).status_code == status


def test_it_takes_a_thousand_in_a_call_and_no_more(api):
    bodies = [body(code=f"c{index}") for index in range(1001)]

    refused = api("alice").post(f"{PATH}/bulk-add", bodies)

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "too_many_items")
    assert len(api("alice").post(f"{PATH}/bulk-add", bodies[:1000]).json()) == 1000
