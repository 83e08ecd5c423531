"""POST and PATCH /audiences, DELETE /audiences/get/{id}: one audience at a time."""

from urllib.parse import quote

import pytest

from segments.models import Audience, AudienceAttribute

PATH = "/audiences"
ANA = {"id": "ana", "alt_id": {"crm": 7}, "properties": {"gender": "F", "tier": ["gold", "gold"]}}


@pytest.fixture
def ana(api):
    """Ana, as she was answered when she was made."""
    return api("platform").post(PATH, ANA).json()


def named(audience_id):
    return f"{PATH}/get/{quote(audience_id, safe='')}"


def test_it_makes_an_audience_and_learns_what_it_brings(api, ana):
    assert (ana["id"], ana["id_type"], ana["alt_id"]) == ("ana", "account_id", {"crm": 7})
    assert ana["properties"] == {"gender": ["F"], "tier": ["gold"]}
    assert ana["created_at"] == ana["updated_at"]
    assert api("platform").get(named("ana")).json() == ana
    assert AudienceAttribute.objects.filter(code__in=["gender", "tier"], learned=True).count() == 2


def test_it_refuses_an_id_that_is_taken(api, ana):
    response = api("platform").post(PATH, {"id": "ana", "properties": {"new code": "x"}})

    assert (response.status_code, response.json()["code"]) == (409, "audience_exists")
    assert "'ana'" in response.json()["detail"]
    assert api("platform").get(named("ana")).json() == ana
    assert not AudienceAttribute.objects.filter(code="new code").exists()


def test_it_keeps_the_date_that_a_new_audience_brings(api):
    made = api("platform").post(PATH, {"id": "ana", "created_at": "2020-01-01T00:00:00Z", "updated_at": None}).json()

    assert made["created_at"] == "2020-01-01T00:00:00Z"
    assert made["updated_at"] > "2026"


def test_it_replaces_the_fields_that_are_sent_and_keeps_the_rest(api, ana):
    changed = api("platform").patch(PATH, {"id": "ana", "properties": {"region": "north"}}).json()
    cleared = api("platform").patch(PATH, {"id": "ana", "alt_id": None, "id_type": None}).json()

    assert (changed["properties"], changed["alt_id"]) == ({"region": ["north"]}, {"crm": 7})
    assert changed["updated_at"] > ana["updated_at"]
    assert (cleared["properties"], cleared["alt_id"], cleared["id_type"]) == ({"region": ["north"]}, None, None)


def test_it_takes_back_what_it_answered_and_changes_nothing(api, ana):
    assert api("platform").patch(PATH, ana).json() == ana
    assert api("platform").patch(PATH, {"id": "ana"}).json() == ana


def test_it_changes_no_date_on_request(api, ana):
    dates = {"created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z"}

    assert api("platform").patch(PATH, {"id": "ana", **dates}).json() == ana


def test_it_makes_nobody_by_changing_them(api, ana):
    response = api("platform").patch(PATH, {"id": "bob", "properties": {"pet": "cat"}})

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert not AudienceAttribute.objects.filter(code="pet").exists()
    assert Audience.objects.get().pk == "ana"


def test_it_moves_an_audience_between_segments(api, people, draft):
    women = api("alice").post("/audiences/segments", draft(properties={"gender": ["F"]})).json()
    path = f"/audiences/segments/{women['id']}"

    people.patch(PATH, {"id": "p4", "properties": {"gender": "F"}})
    assert api("alice").get(path).json()["approximated_size"] == 4
    people.delete(named("p4"))
    assert api("alice").get(path).json()["approximated_size"] == 3


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/id", "missing"),
        ({"id": "a/b"}, "/id", "invalid_id"),
        ({"id": "ana", "properties": {"a": {"b": 1}}}, "/properties/a", "unsupported_value"),
        ({"id": "ana", "created_at": "yesterday"}, "/created_at", "datetime"),
        ([{"id": "ana"}], "", "dict_type"),
    ],
)
def test_it_refuses_a_field_that_is_wrong(api, method, body, pointer, code):
    response = api("platform").send(method, PATH, body)

    assert response.status_code == 422
    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == [(pointer, code)]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_it_refuses_what_the_catalogue_lacks_when_asked_to_be_strict(api, ana, method):
    body = {"id": "ana" if method == "PATCH" else "bob", "properties": {"pet": "cat"}}
    unknown_field = api("platform").send(method, PATH, {**body, "colour": "red"}, Prefer="handling=strict")
    unknown_code = api("platform").send(method, PATH, body, Prefer="handling=strict")

    assert [error["pointer"] for error in unknown_field.json()["errors"]] == ["/colour"]
    assert [error["pointer"] for error in unknown_code.json()["errors"]] == ["/properties/pet"]
    assert Audience.objects.get().pk == "ana"


@pytest.mark.parametrize(
    "audience_id",
    ["ana", " a ", "a%20b", "a%2Fb", "e-mail@example.com", "한국", "🎯", "..a", "a?b#c", "%", "a;b=c", "+"],
)
def test_it_deletes_an_audience_once(api, audience_id):
    caller = api("platform")
    caller.post(PATH, {"id": audience_id})
    caller.post(PATH, {"id": "somebody else"})

    assert caller.get(named(audience_id)).json()["id"] == audience_id
    assert (caller.delete(named(audience_id)).status_code, caller.delete(named(audience_id)).status_code) == (204, 404)
    assert Audience.objects.get().pk == "somebody else"


def test_it_lets_a_deleted_id_come_back_as_somebody_new(api, ana):
    api("platform").delete(named("ana"))
    again = api("platform").post(PATH, {"id": "ana"}).json()

    assert (again["properties"], again["alt_id"]) == ({}, None)
    assert again["created_at"] > ana["created_at"]
