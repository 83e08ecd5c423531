"""The list and the pages of segments in a real Chromium: found, read, explained, compared, undone; on a phone, too."""
# ruff: noqa: F811

from collections.abc import Iterator
from typing import Any

import pytest

from segments.tests.browser import Visit, bare_server, chromium, in_a_browser  # noqa: F401
from segments.tests.server import Server

pytestmark = in_a_browser
OWNER = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
LIST = "/admin/segments/audiencesegment/"
TABS = ["", "composition/", "members/?audience_id=p1", "overlap/", "history/", "change/"]
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def women(bare_server: Server) -> str:
    """The page of a segment of ten women of the north, which was wider and then named anew; there are others."""
    people = [
        {"id": f"p{n}", "properties": {"gender": "F" if n % 3 else "M", "region": ["north", "south"][n % 2]}}
        for n in range(30)
    ]
    assert bare_server.call("POST", "/audiences/bulk-add", people)[0] == 200
    body = {"management_type": "systemmanaged", "owner_id": OWNER}
    for name, properties in {"Men": {"gender": ["M"]}, "Typo": {"gendr": ["F"]}, "Women": {"gender": ["F"]}}.items():
        status, _headers, made = bare_server.call(
            "POST", "/audiences/segments", {**body, "name": name, "properties": properties}
        )
        assert status == 200
    change = {"name": "Women of the north", "properties": {"gender": ["F"], "region": ["north"]}}
    assert bare_server.call("PATCH", f"/audiences/segments/{made['id']}", change)[0] == 200  # type: ignore[index]
    return f"{LIST}{made['id']}/"  # type: ignore[index]


@pytest.fixture(scope="module")
def logged_in(bare_server: Server, chromium: Any) -> Iterator[Visit]:
    """One tab for the whole module; after each test nothing may have gone wrong in it."""
    context = chromium.new_context()
    visit = Visit(context.new_page(), f"http://127.0.0.1:{bare_server.port}")
    visit.log_in()
    yield visit
    context.close()


@pytest.fixture
def visit(logged_in: Visit) -> Iterator[Visit]:
    logged_in.tab.set_viewport_size({"width": 1280, "height": 800})
    logged_in.wrong.clear()
    yield logged_in
    assert logged_in.wrong == []


@pytest.mark.parametrize("width", [1280, 390])
def test_its_pages_are_no_wider_than_the_screen(visit: Visit, women: str, width: int) -> None:
    visit.tab.set_viewport_size({"width": width, "height": 800})
    lists = [
        "segments/audiencesegment",
        "segments/audience",
        "segments/audienceattribute",
        "segments/import",
        "auth/user",
    ]
    pages = ["/admin/", *(f"/admin/{each}/" for each in lists), *(women + tab for tab in TABS)]
    visit.open("/admin/segments/audienceattribute/")
    attribute = visit.tab.get_attribute("#result_list tbody th a >> nth=0", "href").removesuffix("change/")
    pages += [f"{attribute}{each}/" for each in ("change", "rename", "merge", "retire")]
    pages += [f"/admin/segments/{model}/add/" for model in ("audiencesegment", "client", "import")]
    wide = {}
    for page in pages:
        visit.open(page)
        wide[page] = visit.tab.evaluate(TOO_WIDE)

    assert wide == dict.fromkeys(pages, 0)


def test_it_finds_a_segment_and_narrows_the_list(visit: Visit, women: str) -> None:
    visit.open("/admin/")
    visit.tab.fill("#a2-find", "of the nor")
    visit.tab.keyboard.press("Enter")
    visit.tab.wait_for_url("**/?q=of+the+nor")
    assert visit.tab.locator("#result_list tbody th a").all_inner_texts() == ["Women of the north"]
    visit.tab.click("#result_list tbody th a")
    assert visit.tab.url.split("?")[0] == visit.address + women
    visit.tab.click(".a2-under a")
    visit.tab.wait_for_url("**owner__id__exact=*")
    assert len(visit.tab.locator("#result_list tbody th a").all()) == 3
    visit.tab.click("#changelist-filter >> text=with any warning")
    visit.tab.wait_for_url("**attention=warned*")
    assert visit.tab.locator("#result_list tbody th a").all_inner_texts() == ["Typo"]
    assert "1 warning" in visit.tab.inner_text("#result_list .field-status")


def test_it_reads_a_size_off_the_plot(visit: Visit, women: str) -> None:
    visit.open(women)
    box = visit.tab.locator(".a2-plot > svg").first.bounding_box()
    visit.tab.mouse.move(box["x"] + box["width"] - 2, box["y"] + 40)

    assert visit.tab.inner_text(".a2-plot output").endswith("· 10")
    assert len(visit.tab.locator(".a2-copy button:visible").all()) == 3


def test_it_says_why_somebody_is_in_it(visit: Visit, women: str) -> None:
    visit.open(women)
    visit.tab.click(".a2-tabs >> text=Members")
    visit.tab.fill("#a2-audience", "p1")
    visit.tab.keyboard.press("Enter")

    told = visit.tab.inner_text(".a2-answer")
    assert "No, not a member:" in told
    assert "keeps it out" in told
    visit.tab.click(".a2-table >> text=why >> nth=0")
    assert "Yes, a member:" in visit.tab.inner_text(".a2-answer")


def test_it_compares_it_with_another_one(visit: Visit, women: str) -> None:
    visit.open(f"{women}overlap/")
    visit.tab.fill("#a2-other", "Men")
    visit.tab.keyboard.press("Enter")
    visit.tab.wait_for_url("**/overlap/?q=Men")

    assert visit.tab.locator(".a2-overlaps tbody th").all_inner_texts() == ["Men"]
    assert visit.tab.locator(".a2-overlaps tbody .a2-number").all_inner_texts() == ["10", "0", "10"]


def test_it_undoes_what_was_changed(visit: Visit, women: str) -> None:
    visit.open(f"{women}history/")
    assert visit.tab.locator(".a2-change button").all_inner_texts() == ["Undo this change", "Restore this version"]
    visit.tab.click("text=Undo this change")

    assert "“Women” selects 20 audiences now; before the change it was 10 (+10)." in visit.tab.inner_text(
        ".messagelist"
    )
    assert visit.tab.inner_text("h1 >> nth=-1") == "Women"
