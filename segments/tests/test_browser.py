"""Pages in a real Chromium against a real server: nothing is blocked, nothing runs that should not."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from a2service.localdb import LocalDatabase
from segments.tests.server import Server

playwright = pytest.importorskip("playwright.sync_api", reason="there is no playwright to drive a browser with")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to open pages in"),
]

PASSWORD = "a-password-of-20-letters"
OWNER = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
NASTY = [
    "<script>document.title='ran'</script>",
    "<img src=x onerror=document.title='ran'>",
    "\"><svg onload=document.title='ran'>",
    "{{constructor.constructor('document.title=1')()}}",
    "javascript:document.title='ran'//'",
]


@dataclass
class Visit:
    """A tab, and everything that went wrong in it."""

    tab: Any
    address: str
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tab.on("console", lambda said: said.type == "error" and self.wrong.append(f"{self.tab.url}: {said.text}"))
        self.tab.on("pageerror", lambda error: self.wrong.append(f"{self.tab.url}: {error}"))
        self.tab.on("requestfailed", self.note_failure)
        self.tab.on("request", self.stay_here)

    def note_failure(self, request: Any) -> None:
        if request.failure != "net::ERR_ABORTED":  # which is what leaving a page does to it
            self.wrong.append(f"{request.url}: {request.failure}")

    def stay_here(self, request: Any) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.wrong.append(f"{self.tab.url} asked for {request.url}")

    def open(self, path: str) -> None:
        response = self.tab.goto(f"{self.address}{path}")
        if response.status >= 400:
            self.wrong.append(f"{path}: {response.status}")
        assert self.tab.title() != "ran"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with audiences, segments and staff, some of them named by people who mean no good."""
    database = LocalDatabase(tmp_path_factory.mktemp("browser") / "postgres", durable=False)
    database.start()
    server = Server(database.url, tmp_path_factory.mktemp("local"))
    server.environment["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
    server.manage("createsuperuser", "--noinput", "--username", "sora", "--email", "sora@example.com")
    people = [{"id": f"p{n}", "properties": {"gender": "F" if n % 3 else "M", "note": NASTY[n % 5]}} for n in range(30)]
    assert server.call("POST", "/audiences/bulk-add", people)[0] == 200
    for nasty in NASTY:
        segment = {
            "management_type": "systemmanaged",
            "name": nasty,
            "owner_id": OWNER,
            "description": nasty,
            "properties": {nasty: [nasty], "note": [nasty]},
        }
        assert server.call("POST", "/audiences/segments", segment)[0] == 200
        attribute = {"code": nasty[:32], "name": nasty, "owner_id": OWNER, "visibility": "public"}
        assert server.call("POST", "/audiences/attributes", attribute)[0] == 200
    yield server
    server.stop()
    database.reset()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=[*quiet, *sandbox, "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def visit(server: Server, chromium: Any) -> Iterator[Visit]:
    """A tab in which sora is logged in; nothing may have gone wrong when the test is over."""
    context = chromium.new_context()
    visit = Visit(context.new_page(), f"http://127.0.0.1:{server.port}")
    visit.open("/admin/")
    visit.tab.fill("#id_username", "sora")
    visit.tab.fill("#id_password", PASSWORD)
    visit.tab.click("input[type=submit]")
    yield visit
    context.close()
    assert visit.wrong == []


def test_it_opens_every_list_its_first_row_and_its_form(visit: Visit) -> None:
    lists = visit.tab.eval_on_selector_all("#content-main th a", "links => links.map(a => a.getAttribute('href'))")
    assert len(lists) > 8
    for path in sorted(set(lists)):
        visit.open(path)
        rows = visit.tab.eval_on_selector_all("#result_list th a", "links => links.map(a => a.getAttribute('href'))")
        for row in rows[:6]:
            visit.open(row)
            history = row.split("/change/")[0] + "/history/"
            visit.open(history)
        if visit.tab.goto(f"{visit.address}{path}") and visit.tab.query_selector(".object-tools .addlink"):
            visit.open(f"{path}add/")


def test_it_builds_a_segment_and_sees_its_size(visit: Visit) -> None:
    visit.open("/admin/segments/audiencesegment/add/")
    visit.tab.fill("#id_name", "Women")
    visit.tab.click(".field-owner .select2-selection")
    visit.tab.click(".select2-results__option >> text=unnamed")
    visit.tab.select_option("#id_management_type", "systemmanaged")
    visit.tab.fill("#id_properties", '{"gender": ["F"]}')
    visit.tab.click("input[name=_continue]")

    assert "“Women” selects 20 audiences now." in visit.tab.inner_text(".messagelist")
    assert "gender is F" in visit.tab.inner_text(".field-selects")
    assert visit.tab.inner_text(".field-size .readonly") == "20"


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
