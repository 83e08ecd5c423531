"""A real Chromium against a real server, for tests: whatever goes wrong in a tab fails the test that opened it."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from django.contrib.auth.hashers import make_password

from segments.tests.server import Server
from segments.tests.serving import served

playwright = pytest.importorskip("playwright.sync_api", reason="there is no playwright to drive a browser with")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
in_a_browser = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to open pages in"),
]
PASSWORD = "a-password-of-20-letters"
SORA = """
    INSERT INTO auth_user (username, password, email, first_name, last_name, is_superuser, is_staff, is_active, date_joined)
    VALUES ('sora', %s, 'sora@example.com', '', '', true, true, true, now())"""


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

    def log_in(self) -> None:
        self.open("/admin/")
        self.tab.fill("#id_username", "sora")
        self.tab.fill("#id_password", PASSWORD)
        self.tab.click("input[type=submit]")

    def open(self, path: str) -> None:
        response = self.tab.goto(f"{self.address}{path}")
        if response.status >= 400:
            self.wrong.append(f"{path}: {response.status}")
        assert self.tab.title() != "ran"


@pytest.fixture(scope="module")
def bare_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a member of staff, sora, and nothing else."""
    with served(tmp_path_factory.mktemp("local"), WEB_CONCURRENCY="1") as server:
        with_sora(server)
        yield server


def with_sora(server: Server) -> None:
    """Add her, by the hasher that the server has."""
    with psycopg.connect(server.url) as db:
        db.execute(SORA, [make_password(PASSWORD, hasher="pbkdf2_sha256")])


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=[*quiet, *sandbox, "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def cookies(server: Server, chromium: Any) -> Any:
    """What sora has after she logged in, for the `storage_state` of other contexts."""
    context = chromium.new_context()
    visit = Visit(context.new_page(), f"http://127.0.0.1:{server.port}")
    visit.log_in()
    kept = context.storage_state()
    context.close()
    assert visit.wrong == []
    return kept


@pytest.fixture
def visit(server: Server, chromium: Any, cookies: Any) -> Iterator[Visit]:
    """A tab in which sora is logged in; nothing may have gone wrong when the test is over."""
    context = chromium.new_context(storage_state=cookies)
    visit = Visit(context.new_page(), f"http://127.0.0.1:{server.port}")
    yield visit
    context.close()
    assert visit.wrong == []
