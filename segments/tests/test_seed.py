"""The request that started the project, and the bodies its page allows."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

SEED = {
    "management_type": "selfmanaged",
    "name": "<string>",
    "owner_id": "3c90c3cc-0d44-4b50-8888-8dd25736052a",
    "approximated_size": 123,
    "created_at": "2023-11-07T05:31:56Z",
    "deprecated_properties": {},
    "description": "<string>",
    "properties": {},
    "updated_at": "2023-11-07T05:31:56Z",
}


def test_it_answers_the_pages_request_field_by_field(api):
    response = api("platform").post("/audiences/segments", SEED)

    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    segment = response.json()
    assert {name: segment[name] for name in SEED} == SEED
    assert str(uuid.UUID(segment["id"])) == segment["id"]
    assert isinstance(segment["no"], int)
    assert segment["size_source"] == "declared"
    assert [warning["code"] for warning in segment["warnings"]] == ["no_properties"]


def test_it_answers_the_same_again_when_asked(api):
    created = api("platform").post("/audiences/segments", SEED).json()

    assert api("platform").get(f"/audiences/segments/{created['id']}").json() == created
    assert api("platform").get("/audiences/segments").json() == [created]


def test_it_gives_each_segment_a_greater_no(api):
    numbers = [api("platform").post("/audiences/segments", SEED).json()["no"] for _ in range(3)]

    assert numbers == sorted(set(numbers))


MINIMAL = {name: SEED[name] for name in ("management_type", "name", "owner_id")}
VARIED = [
    {},
    {"management_type": "systemmanaged"},
    {"name": "한국어 세그먼트"},
    {"name": "🛒 shoppers 👨‍👩‍👧"},
    {"name": "x"},
    {"name": "n" * 1000},
    {"name": "😀" * 1000},
    {"name": "  spaces around  "},
    {"name": "cafe\u0301 and café"},
    {"name": "<script>alert(1)</script>"},
    {"name": "Robert'); DROP TABLE students;--"},
    {"owner_id": "3C90C3CC-0D44-4B50-8888-8DD25736052A".lower()},
    {"owner_id": "00000000-0000-0000-0000-000000000000"},
    {"approximated_size": None},
    {"approximated_size": 0},
    {"approximated_size": 2**63 - 1},
    {"created_at": None},
    {"updated_at": None},
    {"created_at": "0001-01-01T00:00:00Z"},
    {"created_at": "2023-11-07T05:31:56.123456Z"},
    {"created_at": "2023-11-07T05:31:56.5Z"},
    {"created_at": "1969-12-31T23:59:59Z", "updated_at": "2000-02-29T12:00:00Z"},
    {"description": None},
    {"description": ""},
    {"description": "two\nlines\tand a tab"},
    {"description": "d" * 10_000},
    {"deprecated_properties": {"old": ["a", "b"]}},
    {"deprecated_properties": {"deep": {"list": [1, [2, [3, None]]]}}},
    {"deprecated_properties": {"": ""}},
    {"management_type": "systemmanaged", "approximated_size": 7},
    {"management_type": "systemmanaged", "approximated_size": None},
    {"management_type": "selfmanaged", "approximated_size": 12, "description": "uploaded list"},
    {"properties": {"gender": ["F"]}, "approximated_size": 5},
    {"properties": {"gender": "F"}, "approximated_size": 5},
    {"properties": {"age": [25, "25", 25.5]}, "approximated_size": 5},
    {"properties": {"member": [True, False]}, "approximated_size": 5},
    {"properties": {"anything": None}, "approximated_size": 5},
    {"properties": {"range": {"gte": 18, "lt": 25}}, "approximated_size": 5},
    {"properties": {"nested": [["a"], {"b": 1}]}, "approximated_size": 5},
    {"properties": {"empty": []}, "approximated_size": 5},
    {"properties": {"large": [1e300, 1e22, 18446744073709551615]}, "approximated_size": 5},
    {"properties": {"small": [1e-300, -9223372036854775808, 0.1]}, "approximated_size": 5},
    {"properties": {"": ["empty code"], " spaced ": ["x"]}, "approximated_size": 5},
    {"properties": {"control": ["a\u0001b", "line\nbreak"]}, "approximated_size": 5},
    {"properties": {"a/b~c": ["%s", "100%", "'; --", "\\"]}, "approximated_size": 5},
    {"properties": {"emoji 🎯": ["🎉", "e\u0301"]}, "approximated_size": 5},
    {"properties": {f"code_{index}": ["v"] for index in range(100)}, "approximated_size": 5},
    {"properties": {"many": [f"v{index}" for index in range(1000)]}, "approximated_size": 5},
    {"properties": {"long": ["l" * 5000]}, "approximated_size": 5},
    {"properties": {"c" * 500: ["x"]}, "approximated_size": 5},
    {"management_type": "systemmanaged", "properties": {"gender": ["F"]}, "approximated_size": 99},
    {**{name: value for name, value in SEED.items() if name not in MINIMAL}},
]


@pytest.mark.parametrize("given", VARIED, ids=range(len(VARIED)))
def test_it_takes_and_echoes_what_the_pages_schema_allows(api, given):
    body = {**MINIMAL, **given}

    response = api("platform").post("/audiences/segments", body)

    assert response.status_code == 200
    segment = response.json()
    expected = {name: value for name, value in body.items() if name not in {"created_at", "updated_at"} or value}
    if body["management_type"] == "systemmanaged" and body.get("properties"):
        expected["approximated_size"] = 0
        assert segment["size_source"] == "computed"
    assert {name: segment[name] for name in expected if name != "approximated_size" or expected[name] is not None} == {
        name: value for name, value in expected.items() if name != "approximated_size" or value is not None
    }
    assert api("platform").get(f"/audiences/segments/{segment['id']}").json()["properties"] == body.get(
        "properties", {}
    )


def test_it_varies_fifty_bodies_ten_of_them_with_properties_nobody_knows():
    assert len(VARIED) >= 50
    assert sum("properties" in given and given["properties"] != {} for given in VARIED) >= 10


def test_it_reads_a_date_without_an_offset_as_utc_and_others_into_it(api):
    body = {**SEED, "created_at": "2023-11-07T05:31:56", "updated_at": "2023-11-07T14:31:56+09:00"}

    segment = api("platform").post("/audiences/segments", body).json()

    assert segment["created_at"] == segment["updated_at"] == "2023-11-07T05:31:56Z"


def test_it_takes_a_clock_that_is_a_little_ahead_and_no_more(api):
    ahead = lambda minutes: (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()  # noqa: E731

    assert api("platform").post("/audiences/segments", {**SEED, "created_at": ahead(4)}).status_code == 200
    refused = api("platform").post("/audiences/segments", {**SEED, "created_at": ahead(6)})

    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/created_at"
