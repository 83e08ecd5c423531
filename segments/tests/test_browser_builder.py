"""The builder of a segment in a real Chromium: by keyboard, in both themes, on a phone, and without JavaScript."""
# ruff: noqa: F811

import contextlib
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from segments.tests.browser import Visit, bare_server, chromium, cookies, in_a_browser, playwright, visit  # noqa: F401
from segments.tests.server import Server

pytestmark = in_a_browser

OWNER = "3c90c3cc-0d44-4b50-8888-8dd25736052a"
ADD = "/admin/segments/audiencesegment/add/"
ODD = '{"b": [1.0, "x", null, {"gte": 25}], "2": "x", "1": true, "a": 1e300, "big": 12345678901234567}'
INCLUDE, EXCLUDE = "[data-side=properties]", "[data-side=exclusions]"


@pytest.fixture(scope="module")
def server(bare_server: Server) -> Server:
    """The server with 30 audiences, and one owner."""
    people = [
        {"id": f"p{n}", "properties": {"gender": "F" if n % 3 else "M", "region": ["north", "south"][n % 2]}}
        for n in range(30)
    ]
    assert bare_server.call("POST", "/audiences/bulk-add", people)[0] == 200
    segment_with(bare_server, {"gender": ["F"]})
    return bare_server


def segment_with(server: Server, properties: object, exclusions: object = None, name: str = "Women") -> str:
    """The id of a new segment with these clauses."""
    body = {"management_type": "systemmanaged", "name": name, "owner_id": OWNER, "properties": properties}
    status, _headers, segment = server.call("POST", "/audiences/segments", {**body, "exclusions": exclusions or {}})
    assert status == 200
    return str(segment["id"])  # type: ignore[index]


def change(segment_id: str) -> str:
    return f"/admin/segments/audiencesegment/{segment_id}/change/"


def shows(visit: Visit, size: str) -> None:
    """Wait until the panel says this size; it is counted a moment after the last change."""
    visit.tab.wait_for_function("size => document.querySelector('.a2-headline strong')?.textContent === size", arg=size)


def pick(visit: Visit, words: str) -> None:
    """Type into the field that has the focus, and take the first of what it offers."""
    visit.tab.keyboard.type(words)
    visit.tab.wait_for_selector(f".a2-options:not([hidden]) li:first-child .a2-text:text-is('{words}')")
    visit.tab.keyboard.press("ArrowDown")
    visit.tab.keyboard.press("Enter")


def test_it_builds_a_segment_by_keyboard_alone(visit: Visit) -> None:
    visit.open(ADD)
    visit.tab.fill("#id_name", "Women of the north")
    visit.tab.click(".field-owner .select2-selection")
    visit.tab.click(".select2-results__option >> text=unnamed")
    visit.tab.focus(f"{INCLUDE} > .a2-add input")
    pick(visit, "gender")
    pick(visit, "F")
    shows(visit, "20")
    visit.tab.keyboard.press("Escape")
    visit.tab.focus(f"{EXCLUDE} > .a2-add input")
    pick(visit, "region")
    pick(visit, "south")
    shows(visit, "10")
    assert "gender is F, but not region is south" in visit.tab.inner_text(".a2-live")
    assert visit.tab.input_value("#id_exclusions") == '{\n  "region": ["south"]\n}'

    visit.tab.click("input[name=_continue]")
    assert "“Women of the north” selects 10 audiences now." in visit.tab.inner_text(".messagelist")
    shows(visit, "10")


def test_it_opens_no_list_unasked(visit: Visit, server: Server) -> None:
    opened = visit.tab.locator(".a2-options:not([hidden])")
    visit.open(change(segment_with(server, {"gender": ["F"], "region": ["north"]})))
    shows(visit, "10")
    visit.tab.click(f"{INCLUDE} .a2-clause:nth-child(2) .a2-remove")
    shows(visit, "20")
    visit.tab.wait_for_timeout(300)
    assert opened.count() == 0
    assert visit.tab.evaluate("document.activeElement.matches('[data-side=properties] > .a2-add input')")

    visit.tab.keyboard.press("ArrowDown")
    visit.tab.wait_for_selector(".a2-options:not([hidden])")
    visit.tab.keyboard.press("Escape")
    pick(visit, "region")
    visit.tab.wait_for_timeout(300)
    assert opened.count() == 0
    pick(visit, "south")
    shows(visit, "10")
    visit.tab.keyboard.type("east")
    visit.tab.keyboard.press("Enter")
    visit.tab.wait_for_timeout(500)
    assert opened.count() == 0
    visit.tab.click(f"{INCLUDE} .a2-clause:nth-child(2) input")
    visit.tab.wait_for_selector(".a2-options:not([hidden])")


@pytest.mark.parametrize("side", [INCLUDE, EXCLUDE])
def test_it_keeps_the_size_while_a_line_waits_for_its_value(visit: Visit, server: Server, side: str) -> None:
    visit.open(change(segment_with(server, {"gender": ["F"]})))
    shows(visit, "20")
    visit.tab.focus(f"{side} > .a2-add input")
    pick(visit, "region")
    visit.tab.wait_for_selector(f"{side} .a2-clause:last-child .a2-warnings >> text=Choose a value.")

    assert visit.tab.inner_text(".a2-headline strong") == "20"
    assert "cannot be resolved" not in visit.tab.inner_text(".a2-live")


def test_it_changes_a_value_and_says_what_that_did(visit: Visit, server: Server) -> None:
    visit.open(change(segment_with(server, {"gender": ["F"]}, name="Everybody soon")))
    shows(visit, "20")
    visit.tab.focus(f"{INCLUDE} .a2-clause input")
    pick(visit, "M")
    shows(visit, "30")
    visit.tab.click("input[name=_continue]")

    told = visit.tab.inner_text(".messagelist")
    assert "“Everybody soon” selects 30 audiences now; before the change it was 20 (+10)." in told


def test_it_warns_at_the_clause(visit: Visit, server: Server) -> None:
    visit.open(change(segment_with(server, {"gender": ["F", "X"], "regin": "north"})))
    visit.tab.wait_for_selector(f"{INCLUDE} .a2-clause .a2-warnings li")
    gender, regin = (
        visit.tab.locator(f"{INCLUDE} .a2-clause:has(.a2-code:text('{each}'))") for each in ("gender", "regin")
    )

    assert "has no value 'X'" in gender.inner_text()
    assert gender.locator(".a2-wrong").all_inner_texts() == ["X\n×"]
    assert "Did you mean 'region'?" in regin.inner_text()


@pytest.mark.parametrize("touch", ["nothing", "the other side", "one clause"])
def test_it_leaves_alone_what_it_does_not_change(visit: Visit, server: Server, touch: str) -> None:
    segment = segment_with(server, {})
    visit.open(change(segment))
    visit.tab.click("#a2-json-tab")
    visit.tab.fill("#id_properties", ODD)
    visit.tab.click("#a2-rows-tab")
    assert visit.tab.locator(f"{INCLUDE} .a2-code").all_inner_texts() == ["b", "2", "1", "a", "big"]
    assert visit.tab.locator(f"{INCLUDE} .a2-raw").all_inner_texts() == ["null\n×", '{"gte": 25}\n×']
    expected = ODD
    if touch == "the other side":
        visit.tab.focus(f"{EXCLUDE} > .a2-add input")
        pick(visit, "gender")
    if touch == "one clause":
        visit.tab.click(f"{INCLUDE} .a2-clause:nth-child(2) .a2-chip button")
        expected = ODD.replace('"2": "x"', '"2": []')
    visit.tab.click("input[name=_save]")

    with psycopg.connect(server.url) as db:
        read = "SELECT properties = %s::jsonb, properties::text FROM segments_audiencesegment WHERE id = %s"
        same, text = db.execute(read, [expected, segment]).fetchone()
    assert same is True
    assert '[1.0, "x", null, {"gte": 25}]' in text


def test_it_says_that_json_cannot_be_read_and_keeps_it(visit: Visit, server: Server) -> None:
    visit.open(change(segment_with(server, {"gender": ["F"]})))
    visit.tab.click("#a2-json-tab")
    visit.tab.fill("#id_properties", '{"gender": ["F"]')
    visit.tab.wait_for_selector(".a2-live >> text=This is not JSON")
    visit.tab.keyboard.press("Tab")
    visit.tab.focus("#a2-json-tab")
    visit.tab.keyboard.press("ArrowLeft")

    assert visit.tab.is_visible(".a2-broken-note")
    assert not visit.tab.is_visible(f"{INCLUDE} .a2-clause")
    assert visit.tab.input_value("#id_properties") == '{"gender": ["F"]'


def test_it_turns_a_clause_to_the_other_side_and_takes_many_values_at_once(visit: Visit, server: Server) -> None:
    visit.open(change(segment_with(server, {"gender": ["F"], "region": ["north"]})))
    visit.tab.click(f"{INCLUDE} .a2-clause:nth-child(2) .a2-turn")
    shows(visit, "10")
    visit.tab.focus(f"{INCLUDE} .a2-clause input")
    paste = "input => input.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data(), bubbles: true}))"
    data = "const data = () => { const d = new DataTransfer(); d.setData('text', 'M\\n F\\nX\\n'); return d; };"
    visit.tab.evaluate(f"{data} ({paste})(document.activeElement)")

    assert visit.tab.input_value("#id_properties") == '{\n  "gender": ["F", "M", "X"]\n}'
    shows(visit, "15")


def test_it_counts_what_was_asked_last(visit: Visit, server: Server) -> None:
    """An answer that comes late must not stand beside newer clauses."""
    visit.open(change(segment_with(server, {"gender": ["F"]})))
    shows(visit, "20")
    held: list[Any] = []
    visit.tab.route("**/estimate/", lambda route: held.append(route) if not held else route.continue_())
    visit.tab.click(f"{INCLUDE} .a2-chip button")
    visit.tab.wait_for_selector(".a2-live[aria-busy]")
    visit.tab.wait_for_timeout(400)
    visit.tab.click(f"{INCLUDE} .a2-remove")
    visit.tab.wait_for_selector(".a2-live >> text=Add an attribute with its values")
    late = {"panel": "<p>late</p>", "warnings": [], "names": {}}
    with contextlib.suppress(playwright.Error):  # the tab does not wait for it any more
        held[0].fulfill(json=late)
    visit.tab.wait_for_timeout(200)

    assert "late" not in visit.tab.inner_text(".a2-live")


def test_it_says_when_the_size_cannot_be_counted(visit: Visit, server: Server) -> None:
    visit.open(change(segment_with(server, {"gender": ["F"]})))
    shows(visit, "20")
    visit.tab.route("**/estimate/", lambda route: route.fulfill(status=503, body="{}"))
    visit.tab.click(f"{INCLUDE} .a2-chip button")
    visit.tab.wait_for_selector(".a2-live >> text=The size cannot be counted now")
    assert [each for each in visit.wrong if "503" not in each] == []
    visit.wrong.clear()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1360])
def test_it_fits_the_screen(visit: Visit, server: Server, theme: str, width: int) -> None:
    visit.tab.emulate_media(color_scheme=theme)
    visit.tab.set_viewport_size({"width": width, "height": 800})
    visit.open(change(segment_with(server, {"gender": ["F"] * 3, "region": [f"r{n}" for n in range(70)]})))
    shows(visit, "0")

    assert visit.tab.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.tab.locator(f"{INCLUDE} .a2-clause:nth-child(2) .a2-chip").count() == 60
    visit.tab.click(f"{INCLUDE} .a2-clause:nth-child(2) .a2-more")
    assert visit.tab.locator(f"{INCLUDE} .a2-clause:nth-child(2) .a2-chip").count() == 70


def test_it_works_without_javascript(chromium: Any, server: Server, without_scripts: Callable[[], Visit]) -> None:
    visit = without_scripts()
    visit.open(change(segment_with(server, {"gender": ["F"]}, name="Plain")))
    visit.tab.fill("#id_properties", '{"gender": ["M"]}')
    visit.tab.click("input[name=_continue]")

    assert "“Plain” selects 10 audiences now; before the change it was 20 (−10)." in visit.tab.inner_text(
        ".messagelist"
    )


@pytest.fixture
def without_scripts(chromium: Any, server: Server, cookies: Any) -> Any:
    """A tab that runs no scripts, in which sora is logged in."""
    context = chromium.new_context(java_script_enabled=False, storage_state=cookies)

    def opened() -> Visit:
        return Visit(context.new_page(), f"http://127.0.0.1:{server.port}")

    yield opened
    context.close()
