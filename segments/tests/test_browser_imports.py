"""Importing in a real Chromium with a real worker: a file is tried, watched, imported for real, and its rejects fetched."""
# ruff: noqa: F811

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from segments.tests.browser import Visit, bare_server, chromium, cookies, in_a_browser, visit  # noqa: F401
from segments.tests.server import Server
from segments.tests.test_browser_axe import AXE, FIND
from segments.tests.workers import WorkerProcess

pytestmark = in_a_browser
LIST, ADD = "/admin/segments/import/", "/admin/segments/import/add/"
LINES = 20_000
PATIENCE = 120_000  # milliseconds


@pytest.fixture(scope="module")
def server(bare_server: Server) -> Iterator[Server]:
    """The server with a worker."""
    local = bare_server.environment["A2_LOCAL_DIR"]
    worker = WorkerProcess(bare_server.environment["DATABASE_URL"], A2_LOCAL_DIR=local, A2_PROCESS="worker")
    yield bare_server
    worker.stop()


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that takes a moment, with two lines that are wrong."""
    file = tmp_path_factory.mktemp("files") / "people.csv"
    file.write_text("id,gender,tier\n" + "".join(f"p{n},{'FM'[n % 2]},gold\n" for n in range(LINES)) + "x\ny,F\n")
    return file


def send(visit: Visit, file: Path) -> None:
    visit.open(ADD)
    visit.tab.set_input_files("#id_file", file)
    visit.tab.click("input[type=submit].default")


def receipt(visit: Visit) -> dict[str, str]:
    """What became of the lines, once that is there."""
    visit.tab.wait_for_selector(".a2-receipt", timeout=PATIENCE)
    told = visit.tab.locator(".a2-buckets > div:not(.a2-none)").all_inner_texts()
    return {text.split("\n")[0]: text.split("\n")[-1].split()[0] for text in told}


def test_a_file_is_tried_watched_imported_and_its_rejects_fetched(visit: Visit, people: Path) -> None:
    visit.open(LIST)
    visit.tab.click(".object-tools .addlink")
    assert not visit.tab.is_visible("#id_mode")
    visit.tab.click("summary >> text=More")
    assert visit.tab.is_visible("#id_mode")
    assert not visit.tab.is_visible("#id_take_over")
    visit.tab.set_input_files("#id_file", people)
    visit.tab.click("input[type=submit].default")

    bar = visit.tab.wait_for_selector("#a2-progress progress", timeout=PATIENCE)
    assert bar is not None
    assert receipt(visit) == {"created": f"{LINES:,}", "rejected": "2"}
    assert "nothing was written" in visit.tab.inner_text("#a2-outcome")

    visit.tab.click("text=Import for real")
    assert receipt(visit) == {"created": f"{LINES:,}", "rejected": "2"}
    assert visit.tab.inner_text("#a2-outcome") == "Imported."
    with visit.tab.expect_download() as fetched:
        visit.tab.click("text=Download the lines")
    assert fetched.value.suggested_filename == "people.rejects.csv"
    assert Path(fetched.value.path()).read_text() == "id,gender,tier\nx\ny,F\n"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_and_it_fits_a_phone(
    server: Server, chromium: Any, cookies: Any, tmp_path: Path, scheme: str
) -> None:
    phone = {"width": 390, "height": 800}
    context = chromium.new_context(bypass_csp=True, color_scheme=scheme, viewport=phone, storage_state=cookies)
    visit = Visit(context.new_page(), f"http://127.0.0.1:{server.port}")
    small = tmp_path / "<img src=x onerror=document.title='ran'>.csv"
    small.write_text("id,gender,tier\n" + "".join(f"s{n},F{'' if n % 3 else ',gold'}\n" for n in range(90)))
    send(visit, small)
    receipt(visit)
    done = visit.tab.url.removeprefix(visit.address)

    found = {}
    for page in (LIST, ADD, done, f"{done.removesuffix('change/')}discard/"):
        visit.open(page)
        visit.tab.evaluate(AXE)
        found[page] = visit.tab.evaluate(FIND)
        if page != LIST:
            assert visit.tab.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()
    assert found == {page: [] for page in found}
    assert visit.wrong == []


def test_it_works_without_javascript(server: Server, chromium: Any, tmp_path: Path) -> None:
    context = chromium.new_context(java_script_enabled=False)
    visit = Visit(context.new_page(), f"http://127.0.0.1:{server.port}")
    visit.log_in()
    small = tmp_path / "few.csv"
    small.write_text("id,gender\nf1,F\n")
    send(visit, small)
    while not visit.tab.query_selector(".a2-receipt"):
        assert "Load the page again" in visit.tab.inner_text("#content")
        visit.tab.wait_for_timeout(200)
        visit.tab.reload()
    assert receipt(visit) == {"created": "1"}
    context.close()
    assert visit.wrong == []
