"""/docs and /llms.txt: docs/ as people and programs read it on the service itself."""

import json
import re
from html.parser import HTMLParser

import pytest
from django.conf import settings

from a2service import __version__
from segments import docs

FOLDER = settings.BASE_DIR / "docs"
FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file())
PAGES = [name.removesuffix(".md") for name in FILES if name.endswith(".md")]
OTHERS = [name for name in FILES if not name.endswith(".md")]
TYPES = {"json": "application/json", "csv": "text/csv", "tsv": "text/tab-separated-values", "png": "image/png"}
EVERY_PAGE = pytest.mark.parametrize("name", PAGES)
PICTURE = re.compile(r"!\[[^\]]+\]\(([^)]+)\)")
TITLED = re.compile(r"# (?P<title>.+)\n\n(?!```)[A-Z`*]")


class Markup(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, response):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(response.content.decode())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, attribute, tag=None):
        return [attrs[attribute] for name, attrs in self.tags if attribute in attrs and tag in {None, name}]


def opened(client, address):
    """The page as a browser gets it."""
    return Markup(client.get(address, headers={"Accept": "text/html"}))


@EVERY_PAGE
@pytest.mark.parametrize("end", ["", "/"])
def test_it_shows_every_page(client, name, end):
    response = client.get(f"/docs/{name}{end}")
    page = Markup(response)
    title = (FOLDER / f"{name}.md").read_text().splitlines()[0].removeprefix("# ")

    assert (response.status_code, response["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert f"{title} · A2 audience service" in page.text
    assert f"Version {__version__}" in page.text
    assert [tag for tag, attrs in page.tags if "aria-current" in attrs] == ["a"]
    assert len(page.all("id")) == len(set(page.all("id")))


@EVERY_PAGE
def test_it_begins_every_page_with_a_title_and_what_it_is_about(client, name):
    kind, *rest = name.split("/")
    begins = TITLED.match((FOLDER / f"{name}.md").read_text())
    assert kind in docs.KINDS
    assert len(rest) == 1
    assert begins, "Below its title the page needs a paragraph: the index and /llms.txt show its first sentence."

    page = docs.pages()[f"/docs/{name}"]

    assert page.title == begins["title"]
    assert page.summary.endswith(".")
    assert page.summary in opened(client, "/docs").text


@pytest.mark.parametrize("address", ["/docs", *(f"/docs/{name}" for name in PAGES)])
def test_it_leads_nowhere_in_vain(client, address):
    page = opened(client, address)
    for target in page.all("href"):
        place, _hash, part = target.partition("#")
        if not place.startswith(("http:", "https:")):
            assert client.get(place or address).status_code == 200, target
            assert not part or part in opened(client, place or address).all("id"), target


@pytest.mark.parametrize("address", ["/docs", *(f"/docs/{name}" for name in PAGES)])
def test_it_needs_no_style_or_script_in_a_page_and_nothing_from_elsewhere(client, address):
    response = client.get(address)
    page = Markup(response)

    assert "default-src 'self'" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]
    assert not {tag for tag, _attrs in page.tags} & {"script", "style", "iframe", "object"}
    assert not page.all("style")
    loaded = page.all("src") + page.all("href", "link")
    assert all(target.startswith("/") and not target.startswith("//") for target in loaded)


# Pictures


@pytest.mark.parametrize("name", ["../README", *PAGES])
def test_its_pictures_are_there_in_light_and_dark(client, name):
    named = PICTURE.findall((FOLDER / f"{name}.md").read_text())
    for source in named:
        for each in (source, source.replace("-light.png", "-dark.png")):
            picture = (FOLDER / f"{name}.md").parent / each
            assert picture.stat().st_size < 150_000
            response = client.get("/docs/" + picture.resolve().relative_to(FOLDER).as_posix())
            assert (response.status_code, response["Content-Type"]) == (200, "image/png")
    if not name.startswith(".."):
        page = opened(client, f"/docs/{name}")
        assert page.all("src", "img") == [f"/docs/images/{source.rsplit('/')[-1]}" for source in named]
        assert [each.replace("-dark.", "-light.") for each in page.all("srcset")] == page.all("src", "img")


def test_every_picture_is_shown_somewhere():
    shown = {
        source.rsplit("/")[-1] for name in PAGES for source in PICTURE.findall((FOLDER / f"{name}.md").read_text())
    }

    assert {path.name for path in (FOLDER / "images").glob("*-light.png")} == shown


def test_it_shows_markup_in_markdown_as_text():
    nasty = '# Words\n\nA <b onclick="x()">tag</b>.\n\n<script>x()</script>\n\n[a](javascript:x()) [b](b.md) [c](https://c.example/docs/c.md)'
    html = docs.read("/docs/reference/words.md", nasty).html

    assert "<script" not in html
    assert "<b" not in html
    assert re.findall(r'href="([^"]*)"', html) == ["/docs/reference/b", "https://c.example/docs/c.md"]


# Markdown


@EVERY_PAGE
def test_it_gives_the_markdown_of_every_page(client, name):
    written = (FOLDER / f"{name}.md").read_bytes()
    for response in (
        client.get(f"/docs/{name}.md"),
        client.get(f"/docs/{name}", headers={"Accept": "text/markdown"}),
    ):
        assert (response.status_code, response["Content-Type"]) == (200, "text/markdown; charset=utf-8")
        assert response.content == written


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("text/markdown, text/html;q=0.9, */*;q=0.1", "text/markdown"),
        ("text/markdown, text/html, */*", "text/markdown"),
        ("text/html, text/markdown;q=0.5", "text/html"),
        ("text/markdown;q=0", "text/html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("*/*", "text/html"),
        ("text/*", "text/html"),
    ],
)
@pytest.mark.parametrize("address", ["/docs", "/docs/explanation/matching"])
def test_it_gives_what_accept_wants_more(client, address, accept, given):
    response = client.get(address, headers={"Accept": accept})

    assert response["Content-Type"] == f"{given}; charset=utf-8"
    assert "Accept" in response["Vary"].split(", ")


def test_it_lists_every_page_for_language_models(client):
    response = client.get("/llms.txt", headers={"Host": "localhost:8000"})
    lines = response.content.decode().splitlines()
    links = re.findall(
        r"^- \[(.+)\]\(http://localhost:8000(/docs/\S+\.md)\): .+\.$", response.content.decode(), re.MULTILINE
    )

    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert lines[0] == "# A2 audience service"
    assert lines[2].startswith("> ")
    assert [line for line in lines if line.startswith("#")][1:] == [
        f"## {title}" for title, _about in docs.KINDS.values()
    ]
    assert sorted(address for _title, address in links) == sorted(f"/docs/{name}.md" for name in PAGES)
    for title, address in links:
        assert client.get(address).content.decode().startswith(f"# {title}\n")
    assert (
        client.get("/docs", headers={"Accept": "text/markdown", "Host": "localhost:8000"}).content == response.content
    )


def test_it_makes_no_link_to_a_host_that_is_not_its_own(client):
    response = client.get("/llms.txt", headers={"Host": "evil.example"})

    assert (response.status_code, response.json()["code"]) == (400, "bad_request")


# Files


@pytest.mark.parametrize("name", OTHERS)
def test_it_gives_the_files_beside_the_pages_as_they_are(client, name):
    response = client.get(f"/docs/{name}")

    assert response.status_code == 200
    assert response["Content-Type"].split(";")[0] == TYPES[name.rsplit(".")[-1]]
    assert response.content == (FOLDER / name).read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "no-such-page",
        "tutorial",
        "tutorial/first-segment.html",
        "tutorial/FIRST-SEGMENT",
        "tutorial/first-segment.md.md",
        "tutorial//first-segment",
        "tutorial/first-segment//",
        "../README.md",
        "../docs/tutorial/first-segment.md",
        "tutorial/../../a2service/settings.py",
        "%2e%2e/README.md",
        "..%2f..%2fetc/passwd",
        "%2fetc/passwd",
        "tutorial%5cfirst-segment",
        "tutorial/first-segment%00.md",
        "tutorial/first-segment%0a",
        "%ff",
    ],
)
def test_it_has_nothing_but_what_is_in_its_folder(client, name):
    response = client.get(f"/docs/{name}")

    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")
    assert json.loads(response.content)["code"] == "not_found"


# HTTP

DOCUMENTS = [
    "/docs",
    "/docs/",
    "/docs/reference/errors",
    "/docs/reference/errors.md",
    "/llms.txt",
    f"/docs/{OTHERS[0]}",
]


@pytest.mark.parametrize("address", DOCUMENTS)
@pytest.mark.parametrize("method", ["get", "head"])
def test_it_answers_304_to_who_has_the_document(client, address, method):
    first = getattr(client, method)(address)
    etag = first["ETag"]
    assert first.status_code == 200
    for known in (etag, f"W/{etag}", f'"another", {etag}', "*"):
        again = getattr(client, method)(address, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
        assert again["Cache-Control"] == "no-cache"
    assert getattr(client, method)(address, headers={"If-None-Match": '"another"'}).status_code == 200


def test_it_tells_apart_what_one_address_can_give(client):
    kinds = [
        client.get("/docs/reference/errors", headers={"Accept": accept}) for accept in ("text/html", "text/markdown")
    ]

    assert kinds[0]["ETag"] != kinds[1]["ETag"]


@pytest.mark.parametrize("address", DOCUMENTS)
def test_it_asks_for_no_token_and_sets_no_cookie(client, address):
    response = client.get(address, headers={"Authorization": "Bearer nonsense"})

    assert response.status_code == 200
    assert not response.cookies


@pytest.mark.parametrize("address", DOCUMENTS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_it_is_only_read(client, address, method):
    response = client.generic(method, address)

    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert response["Allow"] == "GET, HEAD"


def test_it_is_led_to_from_the_first_page(client):
    assert "/docs" in opened(client, "/").all("href")
    assert client.get("/").json()["links"]["documentation"] == "/docs"
