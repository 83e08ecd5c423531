"""axe-core, which Deque maintains, finds nothing serious on the main pages of the admin, in light and dark."""

# ruff: noqa: F811

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from segments.tests.browser import Visit, chromium, cookies, in_a_browser, with_sora  # noqa: F401
from segments.tests.server import Server
from segments.tests.serving import served

pytestmark = in_a_browser
AXE = (Path(__file__).parent / "data" / "axe.min.js").read_text()
FIND = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations.filter(each => ["serious", "critical"].includes(each.impact)).map(
    each => `${each.id}: ${each.help} ${each.nodes.slice(0, 3).map(node => node.html.slice(0, 160)).join(" | ")}`);
}"""
PAGES = [
    "/admin/",
    "/admin/segments/audiencesegment/",
    "/admin/segments/audiencesegment/add/",
    "/admin/segments/audience/acct-000001/change/?segment=1",
    "/admin/segments/audienceattribute/",
    "/admin/segments/client/add/",
    "/admin/segments/import/",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the demo account, and sora."""
    with served(tmp_path_factory.mktemp("local"), demo=True, WEB_CONCURRENCY="1") as server:
        with_sora(server)
        yield server


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_finds_nothing_serious(server: Server, chromium: Any, cookies: Any, scheme: str) -> None:
    # axe measures with styles of its own, which the security policy would refuse.
    context = chromium.new_context(bypass_csp=True, color_scheme=scheme, storage_state=cookies)
    visit = Visit(context.new_page(), f"http://127.0.0.1:{server.port}")
    pages = list(PAGES)
    for model in ("audiencesegment", "audienceattribute"):
        visit.open(f"/admin/segments/{model}/")
        pages.append(visit.tab.get_attribute("#result_list tbody th a", "href"))
        if model == "audiencesegment":
            pages += [pages[-1] + tab for tab in ("composition/", "members/", "overlap/", "history/")]

    found = {}
    for page in pages:
        visit.open(page)
        visit.tab.evaluate(AXE)
        found[page] = visit.tab.evaluate(FIND)
    context.close()
    assert found == {page: [] for page in pages}
    assert visit.wrong == []
