"""/audiences/segments/{id}/audiences: who is in a segment."""

import csv
import io
import json

import psycopg
import pytest
from django.db import connection

PATH = "/audiences/segments"
ODD = ["=1+1", "+82 10", "-5", "@sum", 'say "hi"', "a,b", " a ", "é", "서준", "🙂", "'", "\\N", "a;b", "{}"]
NDJSON = "application/x-ndjson"


@pytest.fixture
def women(api, people, draft):
    """The path of the members of Alice's segment of women: p1, p2 and p3."""
    return f"{PATH}/{api('alice').post(PATH, draft(properties={'gender': ['F']})).json()['id']}/audiences"


@pytest.fixture
def odd(api, draft):
    """The path of the members of a segment whose ids have letters that files and addresses treat in their own way."""
    api("platform").post("/audiences/bulk-add", [{"id": key, "properties": {"odd": True}} for key in reversed(ODD)])
    return f"{PATH}/{api('alice').post(PATH, draft(properties={'odd': [True]})).json()['id']}/audiences"


def streamed(response):
    assert response.status_code == 200
    return response.getvalue().decode()


def test_it_answers_a_page_of_ids(people, women):
    assert people.get(women).json() == ["p1", "p2", "p3"]
    assert people.get(f"{women}?limit=1").json() == ["p1"]
    assert people.get(f"{women}?after=p1&limit=5").json() == ["p2", "p3"]
    assert people.get(f"{women}?after=p3").json() == []


def test_its_links_lead_through_all_of_them(api, odd):
    seen, address = [], f"{odd}?limit=3"
    while address:
        response = api("platform").get(address)
        seen += response.json()
        link = response.get("Link")
        address = link and link[1:].split(">")[0].removeprefix("http://testserver")

    assert seen == sorted(ODD)


def test_it_answers_a_thousand_at_most(api, draft):
    body = [{"id": f"a{index:04}", "properties": {"all": "yes"}} for index in range(1001)]
    api("platform").post("/audiences/bulk-add", body)
    segment = api("alice").post(PATH, draft(properties={"all": ["yes"]})).json()

    response = api("platform").get(f"{PATH}/{segment['id']}/audiences")

    assert response.json() == [audience["id"] for audience in body[:1000]]
    assert response["Link"].endswith('/audiences?after=a0999>; rel="next"')
    assert streamed(api("platform").get(f"{PATH}/{segment['id']}/audiences", Accept="text/csv")).count("\n") == 1002


def test_it_agrees_with_the_size(api, people, draft):
    for properties, exclusions in (({"gender": ["F"]}, {"region": ["north"]}), ({"gender": ["X"]}, {}), ({}, {})):
        segment = api("alice").post(PATH, draft(properties=properties, exclusions=exclusions)).json()
        members = people.get(f"{PATH}/{segment['id']}/audiences").json()
        assert len(members) == segment["approximated_size"]


def test_it_streams_all_as_csv(api, odd):
    response = api("platform").get(odd, Accept="text/csv")

    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert "Content-Length" not in response
    text = streamed(response)
    assert list(csv.reader(io.StringIO(text))) == [["id"], *([key] for key in sorted(ODD))]
    assert "\r" not in text
    assert "\n=1+1\n" in text


def test_it_streams_all_as_ndjson(api, odd):
    response = api("platform").get(odd, Accept=NDJSON)

    assert response["Content-Type"] == f"{NDJSON}; charset=utf-8"
    assert [json.loads(line) for line in streamed(response).splitlines()] == sorted(ODD)


def test_it_streams_on_from_where_a_stream_was_cut(people, women):
    assert streamed(people.get(f"{women}?after=p1", Accept="text/csv")) == "id\np2\np3\n"
    assert streamed(people.get(f"{women}?after=p1&limit=1", Accept=NDJSON)) == '"p2"\n'


@pytest.mark.parametrize(("accept", "text"), [("text/csv", "id\n"), (NDJSON, "")])
def test_it_streams_nobody_as_a_file_without_ids(api, people, draft, accept, text):
    nobody = api("alice").post(PATH, draft(properties={"gender": ["X"]})).json()

    assert streamed(people.get(f"{PATH}/{nobody['id']}/audiences", Accept=accept)) == text


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/csv", "text/csv"),
        ("text/csv, */*;q=0.1", "text/csv"),
        ("text/*", "text/csv"),
        ("application/json;q=0.5, application/x-ndjson", NDJSON),
        ("application/json, application/x-ndjson;q=0.9", "application/json"),
        ("text/csv, application/json", "application/json"),
        ("text/csv;q=0, application/x-ndjson;q=0", None),
        ("*/*", "application/json"),
        ("text/html", "application/json"),
        ("text/html, application/xml;q=0.9, */*;q=0.8", "application/json"),
        ("application/xml", None),
    ],
)
def test_it_answers_in_the_type_that_is_wanted_most(people, women, accept, kind):
    response = people.get(women, Accept=accept)

    if kind is None:
        assert (response.status_code, response.json()["code"]) == (406, "not_acceptable")
        assert NDJSON in response.json()["detail"]
    else:
        assert response["Content-Type"].split(";")[0] == kind
        assert "Accept" in response["Vary"]
        response.getvalue()  # to its end, or it goes on being sent


def test_it_needs_both_scopes(api, women):
    for scopes in (["segments:read"], ["audiences:read"]):
        assert api("platform", scopes).get(women).status_code == 403
    for accept in ("application/json", "text/csv"):
        assert api("alice").get(women, Accept=accept).json()["code"] == "insufficient_scope"


@pytest.mark.parametrize("accept", ["application/json", "text/csv", NDJSON])
def test_it_knows_no_other_segment(people, accept):
    response = people.get(f"{PATH}/00000000-0000-4000-8000-000000000000/audiences", Accept=accept)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "after=", "after=%00", "page=1"])
@pytest.mark.parametrize("accept", ["application/json", "text/csv"])
def test_it_refuses_parameters_that_are_wrong(people, women, query, accept):
    assert people.get(f"{women}?{query}", Accept=accept).status_code == 422


def test_it_sends_no_file_by_http_1_0(people, women):
    people.http.defaults["SERVER_PROTOCOL"] = "HTTP/1.0"

    refused = people.get(women, Accept="text/csv")

    assert (refused.status_code, refused.json()["code"]) == (505, "http_version")
    assert people.get(women).json() == ["p1", "p2", "p3"]


@pytest.mark.django_db(transaction=True)
def test_it_refuses_a_file_that_it_cannot_begin(people, women):
    """Nothing was sent yet, so there is still a status to say so."""
    with psycopg.connect(**connection.get_connection_params()) as other, connection.cursor() as cursor:
        other.execute("LOCK TABLE segments_audience")
        cursor.execute("SET lock_timeout = '1ms'")
        refused = people.get(women, Accept="text/csv")
        cursor.execute("RESET lock_timeout")

    assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
    assert streamed(people.get(women, Accept="text/csv")) == "id\np1\np2\np3\n"


def test_it_sends_so_many_files_at_once_and_no_more(people, women):
    first, second = (people.get(women, Accept="text/csv") for _ in range(2))

    refused = people.get(women, Accept=NDJSON)

    assert (refused.status_code, refused.json()["code"], refused["Retry-After"]) == (503, "exports_busy", "5")
    assert people.get(women).json() == ["p1", "p2", "p3"]
    assert people.send("HEAD", women, Accept="text/csv").status_code == 200
    assert streamed(first) == streamed(second) == "id\np1\np2\np3\n"
    assert streamed(people.get(women, Accept=NDJSON)) == '"p1"\n"p2"\n"p3"\n'


def test_it_heads_a_file_without_making_it(people, women, django_assert_max_num_queries):
    with django_assert_max_num_queries(2):
        response = people.send("HEAD", women, Accept="text/csv")

    assert (response.status_code, response["Content-Type"]) == (200, "text/csv; charset=utf-8")
