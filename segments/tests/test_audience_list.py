"""GET /audiences: pages by number, as A2 has them, and by key."""

from urllib.parse import quote

import pytest

PATH = "/audiences"
IDS = sorted(["A-1", "Z", "a b", "a+b", "a-1", "a-10", "a-2", "a?b&c=d", "b%20c", "é", "서준", "🙂"])


@pytest.fixture
def twelve(api):
    """A dozen audiences, brought in no order; answers the platform's caller."""
    platform = api("platform")
    body = [{"id": audience_id, "properties": {"n": index}} for index, audience_id in enumerate(reversed(IDS))]
    assert platform.post(f"{PATH}/bulk-add", body).status_code == 200
    return platform


def ids(response):
    assert response.status_code == 200
    return [audience["id"] for audience in response.json()]


def following(response):
    """The address that the Link header calls next, or None."""
    link = response.get("Link")
    assert link is None or link.endswith('>; rel="next"')
    return link and link[1:].split(">")[0].removeprefix("http://testserver")


def test_it_lists_ten_at_first(twelve):
    first = twelve.get(PATH).json()

    assert [audience["id"] for audience in first] == IDS[:10]
    assert first[0] == twelve.get(f"{PATH}/get/{IDS[0]}").json()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("page=1", IDS[:10]),
        ("page=2", IDS[10:]),
        ("page=3", []),
        ("page_size=5", IDS[:5]),
        ("page=3&page_size=5", IDS[10:]),
        ("page=1&page_size=1000", IDS),
        ("page=100&page_size=1000", []),
        ("page=100000&page_size=1", []),
        ("limit=3", IDS[:3]),
        ("after=zzz", [audience_id for audience_id in IDS if audience_id > "zzz"]),
        (f"after={quote(IDS[3])}&limit=2", IDS[4:6]),
        (f"after={quote(IDS[-1])}", []),
    ],
)
def test_it_pages_by_number_or_by_key(twelve, query, found):
    assert ids(twelve.get(f"{PATH}?{query}")) == found


@pytest.mark.parametrize("query", ["", "?page_size=5", "?page=1&page_size=1", "?limit=4", "?limit=12"])
def test_its_links_lead_through_all_of_them(twelve, query):
    seen, address = [], f"{PATH}{query}"
    while address:
        response = twelve.get(address)
        seen += ids(response)
        address = following(response)

    assert seen == IDS


def test_it_misses_and_doubles_nobody_while_others_come_and_go(twelve):
    first = twelve.get(f"{PATH}?limit=6")
    twelve.delete(f"{PATH}/get/{quote(IDS[5], safe='')}")
    twelve.post(f"{PATH}/bulk-add", [{"id": "A-0"}])

    assert ids(twelve.get(following(first))) == IDS[6:]


def test_it_says_how_to_go_on_where_pages_by_number_end(twelve):
    response = twelve.get(f"{PATH}?page=101&page_size=1000")

    assert response.status_code == 422
    (fault,) = response.json()["errors"]
    assert (fault["pointer"], fault["code"]) == ("/page", "page_too_deep")
    assert "after" in fault["detail"]


@pytest.mark.parametrize(
    ("query", "pointer", "code"),
    [
        ("page=0", "/page", "number"),
        ("page=-1", "/page", "number"),
        ("page=abc", "/page", "number"),
        ("page=" + "9" * 22, "/page", "number"),
        ("page=9223372036854775807", "/page", "page_too_deep"),
        ("page_size=0", "/page_size", "number"),
        ("page_size=1001", "/page_size", "number"),
        ("page_size=1e2", "/page_size", "number"),
        ("limit=1001", "/limit", "number"),
        ("after=", "/after", "blank"),
        ("after=%00", "/after", "null_character"),
        ("after=a/b", "/after", "invalid_id"),
        ("page=1&after=a", "/after", "mixed_paging"),
        ("page_size=5&limit=5", "/limit", "mixed_paging"),
        ("pagesize=5", "/pagesize", "unknown_parameter"),
        ("page=1&page=2", "/page", "repeated_parameter"),
    ],
)
def test_it_refuses_parameters_that_are_wrong(api, query, pointer, code):
    response = api("platform").get(f"{PATH}?{query}")

    assert response.status_code == 422
    assert [(error["pointer"], error["code"]) for error in response.json()["errors"]] == [(pointer, code)]
