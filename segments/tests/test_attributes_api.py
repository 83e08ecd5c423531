"""/audiences/attributes: the catalogue that properties are written in."""

import pytest

from segments.models import AudienceAttribute, Change
from segments.tests.conftest import OWNERS

PATH = "/audiences/attributes"


def body(owner="alice", **fields):
    return {"code": "gender", "name": "Gender", "owner_id": str(OWNERS[owner]), "visibility": "public", **fields}


def test_it_makes_an_attribute(api):
    attribute = api("alice").post(PATH, body(description="F or M", created_at="2020-01-01T00:00:00Z")).json()

    assert {name: attribute[name] for name in body()} == body()
    assert (attribute["description"], attribute["deprecated"], attribute["learned"]) == ("F or M", False, False)
    assert (attribute["value_count"], attribute["created_at"]) == (0, "2020-01-01T00:00:00Z")
    assert Change.objects.get(kind="attribute").actor == "client alice"
    assert api("alice").get(PATH).json() == [attribute]


@pytest.mark.parametrize("visibility", ["public", "private"])
@pytest.mark.parametrize("name", ["alice", "charlie", "platform"])
def test_it_refuses_a_code_that_is_taken(api, visibility, name):
    api("alice").post(PATH, body(visibility=visibility))

    response = api(name).post(PATH, body("charlie" if name == "charlie" else "alice", name="Other"))

    assert (response.status_code, response.json()["code"]) == (409, "code_taken")
    assert AudienceAttribute.objects.get().name == "Gender"


def test_it_shows_public_attributes_to_all_and_private_ones_to_their_owner(api):
    api("alice").post(PATH, body(code="shared"))
    api("alice").post(PATH, body(code="mine", visibility="private"))
    api("bob").post(PATH, body("bob", code="his", visibility="private"))

    codes = {
        name: [row["code"] for row in api(name).get(PATH).json()] for name in ("alice", "bob", "charlie", "platform")
    }

    assert codes == {
        "alice": ["shared", "mine"],
        "bob": ["shared", "his"],
        "charlie": ["shared"],
        "platform": ["shared", "mine", "his"],
    }


def test_it_pages_and_filters(api):
    for code in ("one", "two", "three"):
        api("alice").post(PATH, body(code=code))
    first = api("alice").get(f"{PATH}?limit=2")

    assert [row["code"] for row in first.json()] == ["one", "two"]
    rest = first["Link"][1:].split(">")[0].removeprefix("http://testserver")
    assert [row["code"] for row in api("alice").get(rest).json()] == ["three"]
    assert api("alice").get(f"{PATH}?owner_id={OWNERS['bob']}").json() == []
    assert api("alice").get(f"{PATH}?code=one").status_code == 422


def test_it_counts_the_values_it_knows(api, people):
    assert {row["code"]: row["value_count"] for row in api("alice").get(PATH).json()} == {
        "gender": 2,
        "region": 4,
        "tier": 4,
    }


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"code": ""}, "/code", "blank"),
        ({"code": "c" * 33}, "/code", "max_length"),
        ({"code": " gender"}, "/code", "invalid_code"),
        ({"code": "a\tb"}, "/code", "unsafe_text"),
        ({"code": None}, "/code", "string_type"),
        ({"name": "\u200b"}, "/name", "blank"),
        ({"visibility": "secret"}, "/visibility", "enum"),
        ({"deprecated": "no"}, "/deprecated", "bool_type"),
        ({"owner_id": "x"}, "/owner_id", "uuid"),
    ],
)
def test_it_refuses_a_field_that_is_wrong(api, fields, pointer, code):
    response = api("alice").post(PATH, body(**fields))

    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == [(pointer, code)]
    assert not AudienceAttribute.objects.exists()


def test_it_reads_a_code_in_one_form(api, people, draft):
    api("alice").post(PATH, body(code="cafe\u0301"))
    people.post("/audiences/bulk-add", [{"id": "p1", "properties": {"caf\u00e9": "noir"}}])

    segment = api("alice").post("/audiences/segments", draft(properties={"cafe\u0301": ["noir"]})).json()

    assert (segment["approximated_size"], segment["warnings"]) == (1, [])
    assert segment["properties"] == {"cafe\u0301": ["noir"]}


def test_it_refuses_an_owner_that_is_not_the_clients(api):
    assert api("alice").post(PATH, body("bob")).json()["code"] == "owner_forbidden"


def test_it_warns_that_an_attribute_is_deprecated_and_goes_on_matching(api, people, draft):
    AudienceAttribute.objects.filter(code="gender").update(deprecated=True)

    segment = api("alice").post("/audiences/segments", draft(properties={"gender": ["F"]})).json()

    assert segment["approximated_size"] == 3
    assert [warning["code"] for warning in segment["warnings"]] == ["deprecated_attribute"]
