"""Bodies that are wrong: each gets its status, its code and where it is wrong, and nothing is written."""

import json

import pytest

from segments.models import AudienceSegment, Change

PATH = "/audiences/segments"


def refused(response, status):
    problem = response.json()
    assert response.status_code == problem["status"] == status
    assert response["Content-Type"] == "application/problem+json"
    assert response["X-Request-ID"] == problem["request_id"]
    assert set(problem) >= {"type", "title", "status", "code", "detail", "request_id"}
    assert not AudienceSegment.objects.exists()
    assert not Change.objects.filter(kind="segment").exists()
    return problem


def faults(response):
    return [(error["pointer"], error["code"]) for error in refused(response, 422)["errors"]]


def test_it_names_everything_that_is_missing_at_once(api):
    assert faults(api("alice").post(PATH, {})) == [
        ("/management_type", "missing"),
        ("/name", "missing"),
        ("/owner_id", "missing"),
    ]


@pytest.mark.parametrize("body", [[], "x", 1, True])
def test_it_wants_an_object(api, body):
    assert faults(api("alice").post(PATH, body)) == [("", "dict_type")]


def test_it_wants_an_object_and_not_null(api):
    assert faults(api("alice").send("POST", PATH, raw=b"null")) == [("", "dict_type")]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("management_type", "SelfManaged", "enum"),
        ("management_type", None, "enum"),
        ("management_type", ["selfmanaged"], "enum"),
        ("management_type", {"a": 1}, "enum"),
        ("name", "", "blank"),
        ("name", "   ", "blank"),
        ("name", "\t", "unsafe_text"),
        ("name", "\u200b\u200d", "blank"),
        ("name", 5, "string_type"),
        ("name", None, "string_type"),
        ("name", "n" * 1001, "max_length"),
        ("name", "a\nb", "unsafe_text"),
        ("name", "abc\u202edef", "unsafe_text"),
        ("name", "\u0000", "null_character"),
        ("owner_id", 5, "uuid"),
        ("owner_id", None, "uuid"),
        ("owner_id", "", "uuid"),
        ("owner_id", "urn:uuid:3c90c3cc-0d44-4b50-8888-8dd25736052a", "uuid"),
        ("owner_id", "{3c90c3cc-0d44-4b50-8888-8dd25736052a}", "uuid"),
        ("owner_id", "3c90c3cc0d444b5088888dd25736052a", "uuid"),
        ("approximated_size", "5", "integer"),
        ("approximated_size", 1.5, "integer"),
        ("approximated_size", 5.0, "integer"),
        ("approximated_size", True, "integer"),
        ("approximated_size", -1, "integer"),
        ("approximated_size", 2**63, "integer"),
        ("approximated_size", [], "integer"),
        ("created_at", "yesterday", "datetime"),
        ("created_at", "2023-11-07", "datetime"),
        ("created_at", "2023-13-07T05:31:56Z", "datetime"),
        ("created_at", "2023-02-30T05:31:56Z", "datetime"),
        ("created_at", "2023-11-07T24:31:56Z", "datetime"),
        ("created_at", "0001-01-01T00:00:00+14:00", "datetime"),
        ("created_at", "9999-12-31T23:59:59-01:00", "datetime"),
        ("created_at", "infinity", "datetime"),
        ("created_at", 1699335116, "datetime"),
        ("updated_at", "2999-01-01T00:00:00Z", "in_the_future"),
        ("description", 5, "string_type"),
        ("description", "bell\u0007", "unsafe_text"),
        ("description", "d" * 100_001, "max_length"),
        ("properties", [], "dict_type"),
        ("properties", "x", "dict_type"),
        ("properties", None, "dict_type"),
        ("properties", {f"c{index}": [] for index in range(101)}, "too_many_codes"),
        ("exclusions", [1], "dict_type"),
        ("deprecated_properties", "old", "dict_type"),
        ("deprecated_properties", None, "dict_type"),
    ],
)
def test_it_refuses_a_field_that_is_wrong(api, draft, field, value, code):
    assert faults(api("alice").post(PATH, {**draft(), field: value})) == [(f"/{field}", code)]


@pytest.mark.parametrize("field", ["properties", "exclusions", "deprecated_properties"])
@pytest.mark.parametrize(
    ("member", "pointer", "code"),
    [
        ('{"a": ["\\u0000"]}', "/a/0", "null_character"),
        ('{"a\\u0000": []}', "", "null_character"),
        ('{"a": ["\\ud800"]}', "/a/0", "surrogate"),
        ('{"\\udc00": 1}', "", "surrogate"),
        ('{"a": [1e400]}', "/a/0", "number_out_of_range"),
        ('{"a": 99999999999999999999999}', "/a", "number_out_of_range"),
    ],
)
def test_it_points_into_objects(api, draft, field, member, pointer, code):
    raw = json.dumps(draft())[:-1] + f', "{field}": {member}}}'

    assert faults(api("alice").send("POST", PATH, raw=raw.encode())) == [(f"/{field}{pointer}", code)]


def test_it_caps_the_values_of_a_code(api, draft):
    body = draft(properties={"a/b": ["v"] * 1001})

    assert faults(api("alice").post(PATH, body)) == [("/properties/a~1b", "too_many_values")]


def test_it_tells_all_faults_of_a_body_at_once(api):
    body = {"management_type": 1, "name": "\u0000", "owner_id": "x", "approximated_size": -1, "properties": []}

    assert len(faults(api("alice").post(PATH, body))) == 5


@pytest.mark.parametrize(
    "raw", [b"{", b"{'a': 1}", b"NaN", b'{"a":1,"a":2}', b"", b"\xff", b"\xef\xbb\xbf{}", b"{} {}"]
)
def test_it_cannot_read_what_is_not_json(api, raw):
    problem = refused(api("alice").send("POST", PATH, raw=raw), 400)

    assert problem["code"] == "json_invalid"


def test_it_refuses_a_body_nested_too_deep(api, draft):
    raw = json.dumps(draft())[:-1].encode() + b', "properties": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}"

    assert faults(api("alice").send("POST", PATH, raw=raw))[0][1] == "too_deep"


def test_it_reads_a_mebibyte_and_no_more(api, draft):
    padding = "d" * (2**20 - len(json.dumps(draft(description=""))))
    exact = json.dumps(draft(description=padding)).encode()
    assert len(exact) == 2**20

    assert refused(api("alice").send("POST", PATH, raw=exact), 422)["errors"][0]["code"] == "max_length"
    assert refused(api("alice").send("POST", PATH, raw=exact + b" "), 413)["code"] == "body_too_large"


def test_it_reads_sixteen_mebibytes_in_bulk(api):
    assert refused(api("alice").send("POST", f"{PATH}/bulk-add", raw=b" " * 2**24), 400)
    assert refused(api("alice").send("POST", f"{PATH}/bulk-add", raw=b" " * (2**24 + 1)), 413)


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/vnd.api+json"]
)
def test_it_wants_json_to_be_called_so(api, draft, content_type):
    response = api("alice").send("POST", PATH, draft(), **{"Content-Type": content_type})

    assert "application/json" in refused(response, 415)["detail"]


def test_it_reads_no_compressed_body(api, draft):
    response = api("alice").send("POST", PATH, draft(), **{"Content-Encoding": "gzip"})

    assert refused(response, 415)["code"] == "unsupported_encoding"


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("*/*", 200),
        ("text/html", 200),
        ("application/xml;q=0.9, application/json;q=0.1", 200),
        ("application/xml", 406),
        ("*/*;q=0", 406),
        ("application/json;q=0", 406),
        ("image/png, text/csv", 406),
        ("", 200),
        (";;;,,,", 406),
    ],
)
def test_it_answers_json_to_who_takes_it(api, accept, status):
    assert api("alice").get(PATH, Accept=accept).status_code == status


@pytest.mark.parametrize("method", ["PUT", "TRACE", "OPTIONS", "PROPFIND", "DELETE"])
def test_it_says_which_methods_there_are(api, method):
    response = api("alice").send(method, PATH)

    assert refused(response, 405)["code"] == "method_not_allowed"
    assert set(response["Allow"].split(", ")) == {"GET", "POST", "PATCH", "HEAD"}


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/audiences/segments/no-uuid",
        "/audiences/00000000-0000-4000-8000-000000000000",
        "/audiences/segments/x/y",
        "/%00",
    ],
)
@pytest.mark.parametrize("name", ["alice", None])
def test_it_knows_no_other_address(api, path, name):
    assert refused(api(name).get(path), 404)["code"] == "not_found"


def test_it_takes_every_address_with_and_without_a_slash(api, draft):
    for path in (PATH, f"{PATH}/", "/audiences/attributes", "/audiences/attributes/", "/livez", "/livez/", "/readyz/"):
        assert api("alice").get(path).status_code == 200
    assert api("alice").post(f"{PATH}/estimate/", {"owner_id": draft()["owner_id"]}).status_code == 200


def test_it_names_a_request_as_its_client_does(api):
    assert api("alice").get(PATH, **{"X-Request-ID": "nightly-load.42"})["X-Request-ID"] == "nightly-load.42"
    assert api("alice").get(PATH, **{"X-Request-ID": "two words\n"})["X-Request-ID"] != "two words\n"


def test_it_lets_nobody_keep_an_answer(api):
    response = api("alice").get(PATH)

    assert response["Cache-Control"] == "private, no-cache"
    assert response["X-Content-Type-Options"] == "nosniff"


def test_it_tells_faults_of_the_query_and_of_the_body_together(api):
    problem = api("platform").post("/audiences/segments?x=1", {"name": 5}).json()

    assert {error["pointer"] for error in problem["errors"]} == {"/x", "/management_type", "/owner_id", "/name"}


def test_it_says_of_a_body_that_is_too_deep_nothing_else(api):
    problem = api("platform").send("POST", "/audiences/segments", raw=b"[" * 200_000).json()

    assert [error["code"] for error in problem["errors"]] == ["too_deep"]


def test_it_tells_of_a_few_unknown_fields_and_that_there_are_more(api, draft):
    body = draft(**{f"propertie{number}": {} for number in range(5000)})
    warnings = api("alice").post("/audiences/segments", body).json()["warnings"]

    unknown = [warning for warning in warnings if warning["code"] == "unknown_field"]
    assert len(unknown) == 21
    assert sum("Did you mean" in warning["detail"] for warning in unknown) == 3
    assert unknown[-1]["pointer"] == ""


def test_it_keeps_a_declared_size_whatever_source_a_new_segment_says(api, draft):
    body = draft(management_type="selfmanaged", approximated_size=9, size_source="computed")

    assert api("alice").post("/audiences/segments", body).json()["approximated_size"] == 9


def test_it_takes_any_dates_in_a_change_and_keeps_its_own(api, draft):
    made = api("alice").post("/audiences/segments", draft()).json()
    body = {"created_at": "2999-01-01T00:00:00Z", "updated_at": "2999-01-01T00:00:00Z", "name": "New"}
    changed = api("alice").patch(f"/audiences/segments/{made['id']}", body)

    assert changed.status_code == 200
    assert changed.json()["created_at"] == made["created_at"]
    assert changed.json()["updated_at"] < "2999"


def test_it_refuses_in_the_order_of_the_contract(api, draft):
    caller = api("alice")
    large = b'{"name": "' + b"x" * 2**20 + b'"}'
    picky = {"Accept": "application/xml"}

    assert caller.send("POST", "/audiences/segments", raw=large, Content_Type="text/plain", **picky).status_code == 413
    assert caller.send("POST", "/audiences/segments", raw=b"{", Content_Type="text/plain", **picky).status_code == 415
    assert caller.send("POST", "/audiences/segments", raw=b"{", **picky).status_code == 406
    assert caller.send("POST", "/audiences/segments", raw=b"{").status_code == 400
