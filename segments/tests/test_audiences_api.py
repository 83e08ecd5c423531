"""/audiences: the audiences that segments select from."""

from urllib.parse import quote

import pytest

from segments.models import Audience, AudienceAttribute, AudienceAttributeValue

BULK = "/audiences/bulk-add"


def audience(api, audience_id):
    return api("platform").get(f"/audiences/get/{audience_id}").json()


def test_it_takes_audiences_and_learns_what_they_bring(api):
    body = [
        {"id": "a1", "properties": {"gender": "F", "age": [25, "25", 30.0]}, "alt_id": {"email": ["x"]}},
        {"id": "a2", "id_type": None, "properties": {}},
        {"id": "a3"},
    ]

    response = api("platform").post(BULK, body)

    assert response.status_code == 200
    assert response.json() == {"created": 3, "updated": 0, "unchanged": 0, "suppressed": 0}
    assert audience(api, "a1")["properties"] == {"age": ["25", "30"], "gender": ["F"]}
    assert audience(api, "a1")["alt_id"] == {"email": ["x"]}
    assert (audience(api, "a1")["id_type"], audience(api, "a2")["id_type"]) == ("account_id", None)
    learned = AudienceAttribute.objects.get(code="age")
    assert (learned.learned, learned.visibility, learned.owner.name) == (True, "public", "This installation")
    assert set(learned.values.values_list("value", flat=True)) == {"25", "30"}


def test_it_can_be_sent_again_safely(api):
    body = [{"id": "a1", "properties": {"gender": "F"}}, {"id": "a2", "properties": {"gender": "M"}}]
    api("platform").post(BULK, body)
    before = audience(api, "a1")

    again = api("platform").post(BULK, [body[0], {"id": "a2", "properties": {"gender": "X"}}, {"id": "a3"}]).json()

    assert again == {"created": 1, "updated": 1, "unchanged": 1, "suppressed": 0}
    assert audience(api, "a1") == before


def test_it_replaces_the_fields_that_are_sent_and_keeps_the_rest(api):
    api("platform").post(BULK, [{"id": "a1", "alt_id": {"x": 1}, "properties": {"gender": "F"}}])

    api("platform").post(BULK, [{"id": "a1", "properties": {"tier": "gold"}}])
    assert (audience(api, "a1")["properties"], audience(api, "a1")["alt_id"]) == ({"tier": ["gold"]}, {"x": 1})
    api("platform").post(BULK, [{"id": "a1", "alt_id": None, "id_type": "device"}])
    assert audience(api, "a1")["properties"] == {"tier": ["gold"]}
    assert (audience(api, "a1")["alt_id"], audience(api, "a1")["id_type"]) == (None, "device")


def test_it_keeps_the_dates_that_audiences_bring_when_they_are_new(api):
    api("platform").post(BULK, [{"id": "a1", "created_at": "2020-01-01T00:00:00Z", "updated_at": None}])
    api("platform").post(BULK, [{"id": "a1", "created_at": "2021-01-01T00:00:00Z", "properties": {"a": "b"}}])

    assert audience(api, "a1")["created_at"] == "2020-01-01T00:00:00Z"
    assert audience(api, "a1")["updated_at"] > "2026"


@pytest.mark.parametrize(
    "audience_id", ["x" * 128, " a ", "a%20b", "e-mail@example.com", "한국", "🎯", "..a", "a?b#c", "%"]
)
def test_it_takes_any_id_that_can_stand_in_a_path(api, audience_id):
    assert api("platform").post(BULK, [{"id": audience_id}]).status_code == 200
    assert api("platform").get(f"/audiences/get/{quote(audience_id, safe='')}").json()["id"] == audience_id


@pytest.mark.parametrize(
    ("item", "pointer", "code"),
    [
        ({}, "/1/id", "missing"),
        ({"id": ""}, "/1/id", "blank"),
        ({"id": 5}, "/1/id", "string_type"),
        ({"id": None}, "/1/id", "string_type"),
        ({"id": "x" * 129}, "/1/id", "max_length"),
        ({"id": "a/b"}, "/1/id", "invalid_id"),
        ({"id": ".."}, "/1/id", "invalid_id"),
        ({"id": "a\nb"}, "/1/id", "unsafe_text"),
        ({"id": "\u0000"}, "/1/id", "null_character"),
        ({"id": "first"}, "/1/id", "repeated_id"),
        ({"id": "b", "id_type": 1}, "/1/id_type", "string_type"),
        ({"id": "b", "alt_id": "x"}, "/1/alt_id", "dict_type"),
        ({"id": "b", "properties": []}, "/1/properties", "dict_type"),
        ({"id": "b", "properties": {"a": None}}, "/1/properties/a", "unsupported_value"),
        ({"id": "b", "properties": {"a": ["x", {"y": 1}]}}, "/1/properties/a/1", "unsupported_value"),
        ({"id": "b", "properties": {"a": ["x", [1]]}}, "/1/properties/a/1", "unsupported_value"),
        ({"id": "b", "properties": {"a": ""}}, "/1/properties/a", "unsupported_value"),
        ({"id": "b", "properties": {"a": "v" * 1001}}, "/1/properties/a", "unsupported_value"),
        ({"id": "b", "properties": {"a": "x\u202ey"}}, "/1/properties/a", "unsafe_text"),
        ({"id": "b", "properties": {" a ": "x"}}, "/1/properties/ a ", "invalid_code"),
        ({"id": "b", "properties": {"c" * 33: "x"}}, f"/1/properties/{'c' * 33}", "invalid_code"),
        ({"id": "b", "properties": {f"c{i}": "x" for i in range(101)}}, "/1/properties", "too_many_codes"),
        ({"id": "b", "properties": {"a": [f"v{i}" for i in range(1001)]}}, "/1/properties/a", "too_many_values"),
        ([], "/1", "dict_type"),
    ],
)
def test_it_takes_all_or_none(api, item, pointer, code):
    response = api("platform").post(BULK, [{"id": "first"}, item])

    assert response.status_code == 422
    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == [(pointer, code)]
    assert not Audience.objects.exists()
    assert not AudienceAttribute.objects.exists()


def test_it_learns_no_attribute_when_it_is_strict(api):
    body = [{"id": "a1", "properties": {"known": "new value", "unknown": "x"}, "colour": "red"}]
    attribute = {
        "code": "known",
        "name": "Known",
        "owner_id": "3c90c3cc-0d44-4b50-8888-8dd25736052a",
        "visibility": "public",
    }
    api("platform").post("/audiences/attributes", attribute)

    response = api("platform").post(BULK, body, Prefer="handling=strict")
    assert [error["pointer"] for error in response.json()["errors"]] == ["/0/colour"]
    del body[0]["colour"]
    response = api("platform").post(BULK, body, Prefer="handling=strict")
    assert [error["pointer"] for error in response.json()["errors"]] == ["/0/properties/unknown"]
    del body[0]["properties"]["unknown"]

    assert api("platform").post(BULK, body, Prefer="handling=strict").json()["created"] == 1
    assert AudienceAttributeValue.objects.get().value == "new value"


def test_it_takes_ten_thousand_in_a_call_and_no_more(api):
    body = [{"id": f"a{index}", "properties": {"n": index}} for index in range(10_001)]

    assert api("platform").post(BULK, body).json()["errors"][0]["code"] == "too_many_items"
    assert api("platform").post(BULK, body[:10_000]).json()["created"] == 10_000
    assert AudienceAttributeValue.objects.count() == 10_000


def test_it_is_for_platform_clients_alone(api):
    for path in ("/audiences/get/a1", BULK):
        response = api("alice").send("GET" if "get" in path else "POST", path, None if "get" in path else [])
        assert (response.status_code, response.json()["code"]) == (403, "insufficient_scope")


@pytest.mark.parametrize("audience_id", ["nobody", "%00", "x" * 128, "%F0%9F%8E%AF", "%ff"])
def test_it_knows_no_audience_by_another_id(api, people, audience_id):
    response = people.get(f"/audiences/get/{audience_id}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("body", [b"[]", b"{}", b"null"])
def test_it_takes_an_array(api, body):
    response = api("platform").send("POST", BULK, raw=body)

    assert response.status_code == (200 if body == b"[]" else 422)


def test_it_keeps_values_of_a_thousand_wide_characters(api):
    values = [
        "".join(chr(0x20000 + (seed * 7919 + index * 104729) % 0xA000) for index in range(1000)) for seed in range(3)
    ]

    assert api("platform").post(BULK, [{"id": "a1", "properties": {"wide": values}}]).status_code == 200
    assert audience(api, "a1")["properties"]["wide"] == sorted(values)
