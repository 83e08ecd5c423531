"""Pages in a real Chromium against a real server: nothing is blocked, nothing runs that should not."""
# ruff: noqa: F811

import pytest

from segments.tests.browser import Visit, bare_server, chromium, cookies, in_a_browser, visit  # noqa: F401
from segments.tests.server import Server

pytestmark = in_a_browser

OWNER = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
NASTY = [
    "<script>document.title='ran'</script>",
    "<img src=x onerror=document.title='ran'>",
    "\"><svg onload=document.title='ran'>",
    "{{constructor.constructor('document.title=1')()}}",
    "javascript:document.title='ran'//'",
]


@pytest.fixture(scope="module")
def server(bare_server: Server) -> Server:
    """The server with audiences and segments, some of them named by people who mean no good."""
    people = [{"id": f"p{n}", "properties": {"gender": "F" if n % 3 else "M", "note": NASTY[n % 5]}} for n in range(30)]
    assert bare_server.call("POST", "/audiences/bulk-add", people)[0] == 200
    for nasty in NASTY:
        segment = {
            "management_type": "systemmanaged",
            "name": nasty,
            "owner_id": OWNER,
            "description": nasty,
            "properties": {nasty: [nasty], "note": [nasty]},
        }
        assert bare_server.call("POST", "/audiences/segments", segment)[0] == 200
        attribute = {"code": nasty[:32], "name": nasty, "owner_id": OWNER, "visibility": "public"}
        assert bare_server.call("POST", "/audiences/attributes", attribute)[0] == 200
    return bare_server


def test_it_opens_every_list_its_first_row_and_its_form(visit: Visit) -> None:
    visit.open("/admin/")
    lists = visit.tab.eval_on_selector_all("#content-main th a", "links => links.map(a => a.getAttribute('href'))")
    assert len(lists) > 8
    for path in sorted(set(lists)):
        visit.open(path)
        has_form = visit.tab.query_selector(".object-tools .addlink") is not None
        rows = visit.tab.eval_on_selector_all("#result_list th a", "links => links.map(a => a.getAttribute('href'))")
        for row in rows[:6]:
            visit.open(row)
            history = row.split("/change/")[0] + "/history/"
            visit.open(history)
        if has_form:
            visit.open(f"{path}add/")


def test_an_owner_that_is_added_beside_a_new_client_is_ticked(visit: Visit) -> None:
    visit.open("/admin/segments/client/add/")
    visit.tab.fill("#id_name", "Acme")
    with visit.tab.expect_popup() as opened:
        visit.tab.click("#add_id_owners")
    opened.value.fill("#id_name", "Acme Ads")
    opened.value.click("input[name=_save]")
    visit.tab.wait_for_selector("#id_owners label:has-text('Acme Ads') input:checked")
    visit.tab.click("input[name=_save]")

    visit.tab.wait_for_selector("dt:has-text('owner_id, Acme Ads')")


def test_it_builds_a_segment_and_sees_its_size(visit: Visit) -> None:
    visit.open("/admin/segments/audiencesegment/add/")
    visit.tab.fill("#id_name", "Women")
    visit.tab.click(".field-owner .select2-selection")
    visit.tab.click(".select2-results__option >> text=unnamed")
    visit.tab.select_option("#id_management_type", "systemmanaged")
    visit.tab.click("#a2-json-tab")
    visit.tab.fill("#id_properties", '{"gender": ["F"]}')
    visit.tab.click("input[name=_continue]")

    assert "“Women” selects 20 audiences now." in visit.tab.inner_text(".messagelist")
    visit.tab.click(".a2-tabs >> text=Overview")
    assert "gender is F" in visit.tab.inner_text(".a2-sentence")
    assert visit.tab.locator(".a2-headline strong").all_inner_texts() == ["20", "20"]


def test_it_deletes_what_was_named_by_people_who_mean_no_good(visit: Visit) -> None:
    visit.open("/admin/segments/audiencesegment/?q=onerror")
    visit.tab.click("#action-toggle")
    visit.tab.select_option("select[name=action]", "delete_selected")
    visit.tab.click("button[name=index]")

    assert NASTY[1] in visit.tab.inner_text("#content")
    assert visit.tab.title() != "ran"


def test_it_opens_every_page_of_the_documentation(visit: Visit) -> None:
    visit.open("/docs")
    pages = visit.tab.eval_on_selector_all("main a", "links => links.map(a => a.getAttribute('href'))")
    assert len(pages) > 9
    for path in pages:
        if path.startswith("/docs/"):
            visit.open(path)
            assert visit.tab.title() != ""


def test_it_shows_the_api_to_read_and_to_try(visit: Visit) -> None:
    visit.open("/docs/api")
    visit.tab.wait_for_selector(".opblock")

    assert "/audiences/segments" in visit.tab.inner_text("body")
