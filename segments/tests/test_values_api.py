"""/audiences/attributes/{id}/values: the labels that an attribute can have."""

from urllib.parse import quote

import pytest

from segments.models import AudienceAttribute, AudienceAttributeValue, Change
from segments.tests.conftest import OWNERS

ATTRIBUTES = "/audiences/attributes"
ODD = [
    "a/b",
    "a/",
    "/",
    "//",
    "a//b",
    "../x",
    "a?b#c",
    "%",
    "%2F",
    "a b",
    "25",
    "true",
    "é",
    "서준",
    "🙂",
    "+",
    "values",
    ";",
]


@pytest.fixture
def pet(api):
    """The path of the values of Alice's public attribute."""
    body = {"code": "pet", "name": "Pet", "owner_id": str(OWNERS["alice"]), "visibility": "public"}
    return f"{ATTRIBUTES}/{api('alice').post(ATTRIBUTES, body).json()['id']}/values"


def one(path, value):
    return f"{path}/{quote(value, safe='')}"


def values(response):
    assert response.status_code == 200
    return [listed["value"] for listed in response.json()]


def test_it_adds_a_value_with_a_label_for_people(api, pet):
    cat = api("alice").post(pet, {"value": "cat", "name": "Cat 🐈"}).json()
    dog = api("alice").post(pet, {"value": "dog"}).json()

    assert cat == {"value": "cat", "name": "Cat 🐈", "audience_count": 0, "aliases": []}
    assert dog == {"value": "dog", "name": "", "audience_count": 0, "aliases": []}
    assert api("charlie").get(pet).json() == [cat, dog]
    recorded = Change.objects.filter(kind="value").last()
    assert (recorded.action, recorded.label, recorded.actor) == ("created", "pet: cat", "client alice")
    assert recorded.after == {"value": "cat", "name": "Cat 🐈"}


def test_it_reads_a_value_as_clauses_do(api, pet):
    assert api("alice").post(pet, {"value": " cafe\u0301 "}).json()["value"] == "caf\u00e9"
    response = api("alice").post(pet, {"value": "caf\u00e9"})

    assert (response.status_code, response.json()["code"]) == (409, "value_exists")
    assert AudienceAttributeValue.objects.count() == 1


def test_it_counts_the_audiences_of_each(api, pet, people):
    api("alice").post(pet, {"value": "snake"})
    people.post("/audiences/bulk-add", [{"id": f"p{n}", "properties": {"pet": ["cat", f"dog {n}"]}} for n in (1, 2)])

    counts = {listed["value"]: listed["audience_count"] for listed in api("alice").get(pet).json()}

    assert counts == {"cat": 2, "dog 1": 1, "dog 2": 1, "snake": 0}


def test_it_needs_few_queries_for_any_number_of_values(api, pet, django_assert_max_num_queries):
    platform = api("platform")
    platform.post("/audiences/bulk-add", [{"id": "p1", "properties": {"pet": [f"dog {n}" for n in range(900)]}}])

    with django_assert_max_num_queries(7):
        assert len(values(platform.get(pet))) == 900


def test_it_pages_by_value_in_code_point_order(api, pet):
    for value in ODD:
        api("alice").post(pet, {"value": value})
    seen, address = [], f"{pet}?limit=5"
    while address:
        response = api("alice").get(address)
        seen += values(response)
        link = response.get("Link")
        address = link and link[1:].split(">")[0].removeprefix("http://testserver")

    assert seen == sorted(ODD)
    assert values(api("alice").get(f"{pet}?after={quote('%2F', safe='')}&limit=1")) == ["+"]


@pytest.mark.parametrize("value", ODD)
def test_it_deletes_a_value_whatever_it_is_written_in(api, pet, value):
    for other in ("a", value):
        assert api("alice").post(pet, {"value": other}).status_code == 200

    assert api("alice").delete(one(pet, value)).status_code == 204
    assert api("alice").delete(one(pet, value)).status_code == 404
    assert values(api("alice").get(pet)) == ["a"]
    gone = Change.objects.get(action="deleted")
    assert (gone.label, gone.before) == (f"pet: {value}", {"value": value, "name": ""})


def test_it_takes_a_slash_at_the_end_for_a_part_of_the_value(api, pet):
    api("alice").post(pet, {"value": "a"})

    assert api("alice").delete(f"{pet}/a/").status_code == 404
    assert values(api("alice").get(f"{pet}/")) == ["a"]


@pytest.mark.parametrize("value", ["%00", "%0A", "a%0A", "%ff", "%20", "v" * 1001, "b"])
def test_it_knows_no_other_value(api, pet, value):
    api("alice").post(pet, {"value": "a"})

    response = api("alice").delete(f"{pet}/{value}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert AudienceAttributeValue.objects.get().value == "a"


def test_it_keeps_a_value_that_an_audience_has(api, pet, people):
    people.patch("/audiences", {"id": "p1", "properties": {"pet": ["cat"]}})

    response = api("alice").delete(one(pet, "cat"))

    assert (response.status_code, response.json()["code"]) == (409, "value_in_use")
    assert "'cat' of 'pet' is in use by segments: 0, audiences: 1." in response.json()["detail"]


@pytest.mark.parametrize(
    ("definition", "used"),
    [
        ({"properties": {"pet": ["dog", "25"]}}, True),
        ({"properties": {"pet": 25.0}}, True),
        ({"exclusions": {"pet": [" 25 "]}}, True),
        ({"properties": {"pet": ["dog", "250"], "pets": ["25"]}}, False),
        ({"deprecated_properties": {"pet": ["25"]}}, False),
    ],
)
def test_it_keeps_a_value_that_a_clause_names(api, pet, draft, definition, used):
    api("alice").post(pet, {"value": "25"})
    api("bob").post("/audiences/segments", draft("bob", **definition))

    response = api("alice").delete(one(pet, "25"))

    assert response.status_code == (409 if used else 204)
    assert not used or "segments: 1, audiences: 0" in response.json()["detail"]


def test_a_stranger_reads_the_values_of_a_public_attribute_and_changes_none(api, pet):
    api("alice").post(pet, {"value": "cat"})
    charlie = api("charlie")

    assert values(charlie.get(pet)) == ["cat"]
    for answer in (charlie.post(pet, {"value": "dog"}), charlie.delete(one(pet, "cat"))):
        assert (answer.status_code, answer.json()["code"]) == (403, "owner_forbidden")


def test_it_hides_the_values_of_a_private_attribute_from_strangers(api, pet):
    api("alice").post(pet, {"value": "cat"})
    AudienceAttribute.objects.update(visibility="private")
    charlie = api("charlie")

    for answer in (charlie.get(pet), charlie.post(pet, {"value": "dog"}), charlie.delete(one(pet, "cat"))):
        assert answer.status_code == 404


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/value", "missing"),
        ({"value": ""}, "/value", "blank"),
        ({"value": " "}, "/value", "blank"),
        ({"value": "\u200b"}, "/value", "blank"),
        ({"value": 25}, "/value", "string_type"),
        ({"value": None}, "/value", "string_type"),
        ({"value": "v" * 1001}, "/value", "max_length"),
        ({"value": "a\nb"}, "/value", "unsafe_text"),
        ({"value": "a\u202eb"}, "/value", "unsafe_text"),
        ({"value": "\u0000"}, "/value", "null_character"),
        ({"value": "a", "name": None}, "/name", "string_type"),
        ({"value": "a", "name": "n" * 1001}, "/name", "max_length"),
        ([{"value": "a"}], "", "dict_type"),
    ],
)
def test_it_refuses_a_field_that_is_wrong(api, pet, body, pointer, code):
    response = api("alice").post(pet, body)

    assert response.status_code == 422
    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == [(pointer, code)]
    assert not AudienceAttributeValue.objects.exists()


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "after=", "after=%00", "page=1"])
def test_it_refuses_parameters_that_are_wrong(api, pet, query):
    assert api("alice").get(f"{pet}?{query}").status_code == 422
