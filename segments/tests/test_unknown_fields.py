"""A name that no field has is told, whatever was written: it is not kept, and the answer says so."""

import pytest

from segments.models import AudienceAttribute
from segments.tests.conftest import OWNERS

ATTRIBUTES = "/audiences/attributes"
PET = {"code": "pet", "name": "Pet", "owner_id": str(OWNERS["alice"]), "visibility": "public"}


@pytest.fixture
def platform(api):
    return api("platform")


@pytest.fixture
def pet(platform):
    return platform.post(ATTRIBUTES, PET).json()


def told(answer):
    return [(warning["pointer"], warning["code"]) for warning in answer["warnings"]]


def one_of_each(platform, pet, **more):
    """The answer to every way to write an attribute, a value or an audience, with these fields besides."""
    yield platform.post(ATTRIBUTES, {**PET, "code": "hobby", **more}).json()
    yield platform.post(f"{ATTRIBUTES}/bulk-add", [{**PET, "code": "age"}, {**PET, "code": "job", **more}]).json()[1]
    yield platform.patch(ATTRIBUTES, {**pet, "name": "Pets", **more}).json()
    yield platform.patch(f"{ATTRIBUTES}/{pet['id']}", {"name": "Pet", **more}).json()
    yield platform.post(f"{ATTRIBUTES}/{pet['id']}/values", {"value": "cat", **more}).json()
    yield platform.post("/audiences", {"id": "ana", **more}).json()
    yield platform.patch("/audiences", {"id": "ana", "properties": {"pet": "cat"}, **more}).json()


def test_it_tells_of_a_field_that_is_not_kept(platform, pet):
    for answer in one_of_each(platform, pet, colour="red"):
        assert told(answer) == [("/colour", "unknown_field")], answer


def test_it_says_which_field_may_have_been_meant(platform):
    answer = platform.post("/audiences", {"id": "ana", "propertys": {"pet": "cat"}}).json()

    assert answer["warnings"][0]["detail"].endswith("it is not kept. Did you mean 'properties'?")
    assert answer["properties"] == {}
    assert not AudienceAttribute.objects.exists()


def test_it_says_nothing_where_there_is_nothing_to_tell(platform, pet):
    for answer in one_of_each(platform, pet, warnings=[{"code": "unknown_field"}]):
        assert "warnings" not in answer


def test_it_tells_which_audience_of_a_bulk_call_has_the_field(platform):
    body = [{"id": "ana"}, {"id": "ben", "colour": "red"}, {"id": "cho", "propertys": {}}]
    answer = platform.post("/audiences/bulk-add", body).json()

    assert answer["created"] == 3
    assert told(answer) == [("/1/colour", "unknown_field"), ("/2/propertys", "unknown_field")]
    again = platform.post("/audiences/bulk-add", [{"id": each["id"]} for each in body]).json()
    assert again == {"created": 0, "updated": 0, "unchanged": 3, "suppressed": 0}


def test_it_tells_of_thousands_only_the_first(platform):
    body = [{"id": f"p{index}", "colour": "red"} for index in range(1000)]
    warnings = platform.post("/audiences/bulk-add", body).json()["warnings"]

    assert [warning["pointer"] for warning in warnings] == [*(f"/{index}/colour" for index in range(20)), ""]
    assert "There are more fields" in warnings[-1]["detail"]


def test_an_import_tells_of_them_too(folder, platform):
    rows = [{"id": "ana", "propertys": {"pet": "cat"}}, {"id": "ben", "colour": "red", "propertys": {}}]
    outcome = folder.load("audiences", "people.jsonl", rows)

    assert outcome.counts == {"created": 2}
    assert "Names that are no fields and were not kept: 'propertys', 'colour'." in outcome.said
    many = [{"id": "ana", **{f"c{index}": 1 for index in range(100)}}]
    assert folder.load("audiences", "many.jsonl", many).said.count("'c") == 20


def test_a_list_by_another_owner_has_what_a_client_may_see_of_it(api, platform):
    """Of attributes that are the public ones, as in the list of all; of segments there is nothing."""
    for code, visibility in (("pet", "public"), ("secret", "private")):
        platform.post(ATTRIBUTES, {**PET, "code": code, "visibility": visibility})
    platform.post(ATTRIBUTES, {**PET, "code": "tier", "owner_id": str(OWNERS["bob"])})
    segment = {"management_type": "selfmanaged", "name": "Hers", "owner_id": PET["owner_id"]}
    assert platform.post("/audiences/segments", segment).status_code == 200
    asked = f"?owner_id={OWNERS['alice']}"

    def codes(name, path):
        return [attribute["code"] for attribute in api(name).get(path).json()]

    assert codes("charlie", ATTRIBUTES) == ["pet", "tier"]
    assert codes("charlie", f"{ATTRIBUTES}{asked}") == ["pet"]
    assert codes("alice", f"{ATTRIBUTES}{asked}") == ["pet", "secret"]
    assert codes("charlie", f"{ATTRIBUTES}?owner_id={OWNERS['charlie']}") == []
    assert api("charlie").get(f"/audiences/segments{asked}").json() == []
